#include "core/data/loader/image_maker.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/resize.h"

struct ImageMaker {
    Shape picture;
    Augmentation augmentation;
    float (*table)[256];  // (channels): what becomes of a value
    uint8_t *rooms[2];    // of a picture each
    int side;
    Resize *resize;
    uint8_t *resized;  // (side, side, channels)
};

ImageMaker *image_maker_new(Shape picture, const Augmentation *augmentation,
                            const Normalization *normalization)
{
    ImageMaker *m = xcalloc(1, sizeof *m);
    m->picture = picture;
    m->augmentation = *augmentation;
    m->table = xcalloc((size_t)picture.channels, sizeof *m->table);
    normalization_table(normalization, picture.channels, m->table);
    for (int i = 0; i < 2; i++)
        m->rooms[i] = xcalloc(shape_count(picture), 1);
    return m;
}

void image_maker_free(ImageMaker *m)
{
    if (!m)
        return;
    for (int i = 0; i < 2; i++)
        free(m->rooms[i]);
    resize_free(m->resize);
    free(m->resized);
    free(m->table);
    free(m);
}

void image_maker_set_size(ImageMaker *m, int side)
{
    if (m->side == side)
        return;
    resize_free(m->resize);
    free(m->resized);
    m->side = side;
    m->resize = resize_new(m->picture, side);
    m->resized = xcalloc((size_t)side * (size_t)side, (size_t)m->picture.channels);
}

/* Channels first, each value looked up. */
static void look_up(const ImageMaker *m, float *restrict dst)
{
    const size_t channels = (size_t)m->picture.channels;
    const size_t area = (size_t)m->side * (size_t)m->side;
    for (size_t c = 0; c < channels; c++) {
        const float *table = m->table[c];
        const uint8_t *src = m->resized + c;
        for (size_t i = 0; i < area; i++)
            dst[c * area + i] = table[src[i * channels]];
    }
}

void image_maker_run(ImageMaker *m, const uint8_t *src, const DrawKey *key, float *dst)
{
    const size_t row_bytes = (size_t)m->picture.width * (size_t)m->picture.channels;
    Picture p = {src, row_bytes, m->picture.height, m->picture.width, m->picture.channels};
    augment_picture(&m->augmentation, key, m->rooms, &p);
    resize_picture(m->resize, &p, m->resized);
    look_up(m, dst);
    augment_image(&m->augmentation, key, (Shape){m->picture.channels, m->side, m->side}, dst);
}
