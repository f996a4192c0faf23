/* Pictures whose pixels the layout has: nothing to decode, so nothing to be afraid of. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/decode/fit.h"
#include "server/data/import/stage.h"

/* Grey pixels to as many channels as the set has. */
static void spread(const uint8_t *grey, size_t count, int channels, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++)
        memset(dst + i * (size_t)channels, grey[i], (size_t)channels);
}

static bool stage_image(Stage *s, size_t item, TraitsMaker *maker, uint8_t *grey, uint8_t *pixels,
                        Error *err)
{
    const ImageSpec *spec = &s->config->image;
    const LayoutItem *it = &s->layout->items[item];
    const Idx *images = &s->layout->images[it->split == INTAKE_TEST];
    const int height = images->height, width = images->width;
    const size_t bytes = (size_t)height * (size_t)width;
    const uint8_t *src = images->data + (size_t)it->picture * bytes;
    const Picture picture = {
        .pixels = src, .row_bytes = (size_t)width, .height = height, .width = width, .channels = 1};
    Record *record = &s->records->items[item];
    if (!fit_picture(&picture, spec, grey, err))
        return false;
    spread(grey, (size_t)spec->size * (size_t)spec->size, spec->channels, pixels);
    *record = (Record){.kept = true,
                       .width = width,
                       .height = height,
                       .format = import_report_word(s->report, "IDX")};
    traits_of(maker, pixels, &record->traits);
    s->records->kept++;
    return staging_write(s->staging, item, pixels, err);
}

bool stage_images(Stage *s, Error *err)
{
    const ImportConfig *c = s->config;
    const size_t area = (size_t)c->image.size * (size_t)c->image.size;
    uint8_t *grey = xcalloc(area, 1), *pixels = xcalloc(area, (size_t)c->image.channels);
    TraitsMaker *maker = traits_maker_new(c->image.size, c->image.channels);
    const int64_t total = (int64_t)s->layout->item_count;
    bool ok = true;
    s->report->walls = -1;
    for (int64_t i = 0; ok && i < total; i++) {
        ok =
            import_goes_on(c, i, total, err) && stage_image(s, (size_t)i, maker, grey, pixels, err);
    }
    traits_maker_free(maker);
    free(grey);
    free(pixels);
    return ok;
}
