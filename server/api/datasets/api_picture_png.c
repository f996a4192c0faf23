/* The pictures of a data set as PNGs: as they are, and as augmentation makes them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/encode_png.h"
#include "core/data/loader/image_maker.h"
#include "server/api/api_common.h"
#include "server/api/datasets/opened_set.h"
#include "server/http/message/etag.h"
#include "server/settings/spec.h"

enum {
    DRAWS_DEFAULT = 8,
    DRAWS_MOST = 16,
};

static bool respond_png(const Picture *picture, Response *res, Error *err)
{
    uint8_t *png;
    size_t size;
    if (!png_encode(picture, &png, &size, err))
        return false;
    respond_text(res, "image/png", (char *)png, size);
    res->tagged = false;
    return true;
}

/* A set never changes: neither does a picture of it. */
bool get_picture_content(App *app, const Request *req, Response *res, Error *err)
{
    OpenedSet o;
    Picture picture;
    int64_t n;
    char etag[DATASET_DIGEST + ID_TEXT + 32];
    if (request_has_faults(req, res))
        return true;
    if (!opened_set_open(app, req, &o, err))
        return false;
    bool ok = opened_set_find(&o, req, &picture, &n, err);
    snprintf(etag, sizeof etag, "\"%.16s-%s-%" PRId64 "\"", o.digest, o.id, n);
    const bool known = ok && etag_named_weakly(request_header(req, "If-None-Match"), etag);
    if (ok)
        ok = known ? respond_empty(res, 304) : respond_png(&picture, res, err);
    // Pixels that are mapped may have been cut off meanwhile.
    ok = ok && dataset_intact(o.set, err);
    opened_set_close(app, &o);
    if (!ok)
        return false;
    response_header(res, "ETag", "%s", etag);
    response_header(res, "Cache-Control", "private, max-age=31536000, immutable");
    return true;
}

/* ---- What augmentation does ---- */

/* The settings of a job on this set, from {"settings":{...}}. */
static bool read_settings(const App *app, const Request *req, const char *id, JobSpec *spec,
                          Faults *faults)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(req->json, "settings");
    const cJSON *item, *members = cJSON_IsObject(req->json) ? req->json : NULL;
    cJSON_ArrayForEach(item, members)
    {
        char pointer[sizeof(Fault){0}.pointer] = "";
        pointer_append(pointer, sizeof pointer, item->string);
        if (item != given)
            faults_add(faults, pointer,
                       strcmp(item->string, "settings") == 0 ? "is given twice"
                                                             : "is not a known field");
    }
    cJSON *settings = cJSON_IsObject(given) ? cJSON_Duplicate(given, true) : cJSON_CreateObject();
    if (!members || (given && !cJSON_IsObject(given)))
        faults_add(faults, "/settings", "must be an object: the settings of a job");
    cJSON_DeleteItemFromObjectCaseSensitive(settings, "dataset");
    cJSON_AddStringToObject(settings, "dataset", id);
    spec_read(settings, (SpecRules){.sets = datasets_for_specs(app->sets)}, spec, faults);
    cJSON_Delete(settings);
    return faults->count == 0;
}

/* Channels first, 0 to 1, as bytes at a place in the strip. */
static void put_image(const float *image, Shape shape, uint8_t *strip, size_t row_bytes)
{
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    for (size_t y = 0; y < (size_t)shape.height; y++)
        for (size_t x = 0; x < (size_t)shape.width; x++)
            for (size_t c = 0; c < (size_t)shape.channels; c++) {
                const float v = image[c * area + y * (size_t)shape.width + x];
                strip[y * row_bytes + x * (size_t)shape.channels + c] =
                    (uint8_t)(v <= 0   ? 0
                              : v >= 1 ? 255
                                       : v * 255 + 0.5F);
            }
}

typedef struct {
    int64_t n, draw;  // picture, first draw
    int draws;        // side by side
} Preview;

/* Draw k is what epoch k of a training sees. Without the job's normalisation, which is not for
 * eyes, and without mixup, which needs two pictures. */
static bool respond_preview(const Dataset *set, const Picture *picture, const JobSpec *spec,
                            Preview p, Response *res, Error *err)
{
    const int side = spec->image_size;
    const Shape shape = {set->image.channels, side, side};
    const size_t row_bytes = (size_t)side * (size_t)p.draws * (size_t)shape.channels;
    float *image = xcalloc(shape_count(shape), sizeof *image);
    uint8_t *strip = xcalloc((size_t)side, row_bytes);
    ImageMaker *maker = image_maker_new(set->image, &spec->augmentation, &(Normalization){0});
    image_maker_set_size(maker, side);
    for (int i = 0; i < p.draws; i++) {
        const DrawKey key = {.seed = spec->seed, .epoch = p.draw + i, .index = p.n};
        image_maker_run(maker, picture->pixels, &key, image);
        put_image(image, shape, strip + (size_t)i * (size_t)side * (size_t)shape.channels,
                  row_bytes);
    }
    image_maker_free(maker);
    const Picture whole = {strip, row_bytes, side, side * p.draws, shape.channels};
    const bool ok = respond_png(&whole, res, err);
    free(strip);
    free(image);
    return ok;
}

bool preview_picture(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    JobSpec spec = {0};
    OpenedSet o;
    Picture picture;
    Preview p = {.n = 0};
    p.draw = query_integer(req->query, "draw", 0, 0, INT32_MAX, &faults);
    p.draws = (int)query_integer(req->query, "draws", DRAWS_DEFAULT, 1, DRAWS_MOST, &faults);
    query_finish(req->query, &faults);
    if (!opened_set_open(app, req, &o, err))
        return false;
    bool ok = opened_set_find(&o, req, &picture, &p.n, err);
    if (ok && !read_settings(app, req, o.id, &spec, &faults))
        ok = respond_faults(res, &faults);
    else if (ok)
        ok = respond_preview(o.set, &picture, &spec, p, res, err) && dataset_intact(o.set, err);
    spec_free(&spec);
    opened_set_close(app, &o);
    return ok;
}
