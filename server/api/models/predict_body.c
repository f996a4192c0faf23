#include "server/api/models/predict_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_numbers.h"
#include "server/base/text/base64.h"
#include "server/http/message/headers.h"
#include "server/http/message/multipart.h"

static bool add(PredictBody *b, PredictPicture picture, Error *err)
{
    if (b->count == PREDICT_IMAGES)
        return fail_as(err, ERR_INVALID, "too_large", "a request may have %d pictures",
                       PREDICT_IMAGES);
    b->items[b->count++] = picture;
    return true;
}

static bool add_file(PredictBody *b, const void *bytes, size_t size, void *owned, Error *err)
{
    return add(b, (PredictPicture){.bytes = bytes, .size = size, .owned = owned}, err);
}

/* ---- multipart/form-data ---- */

/* Pictures alone: a parameter among them would be taken for one. */
static bool check_name(const MultipartPart *part, Error *err)
{
    static const char *const PARAMETERS[] = {"top_k", "explain"};
    for (size_t i = 0; i < COUNT(PARAMETERS); i++)
        if (strcmp(part->name, PARAMETERS[i]) == 0)
            return fail(err, ERR_INVALID, "%s is a parameter of the address, ?%s=..., not a part",
                        part->name, part->name);
    return true;
}

static bool read_multipart(const char *type, const char *body, size_t size, PredictBody *b,
                           Error *err)
{
    Multipart m;
    MultipartPart part;
    bool came;
    if (!multipart_begin(&m, type, body, size, err))
        return false;
    while (multipart_next(&m, &part, &came, err)) {
        if (!came)
            return b->count > 0 || fail(err, ERR_INVALID, "the body has no picture");
        if (!check_name(&part, err) || !add_file(b, part.bytes, part.size, NULL, err))
            return false;
    }
    return false;
}

/* ---- JSON ---- */

static bool read_base64(const cJSON *item, const char *pointer, PredictBody *b, Faults *faults)
{
    size_t size = 0;
    const char *text = cJSON_IsString(item) ? item->valuestring : NULL;
    char *bytes = text ? base64_decode_loosely(text, strlen(text), &size) : NULL;
    if (!bytes) {
        faults_add(faults, pointer, "must be the bytes of a picture file in base64");
        return false;
    }
    return add_file(b, bytes, size, bytes, NULL);
}

/* A whole number from 1 to `most`. */
static bool read_whole(const cJSON *item, int most, int *value)
{
    const double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
    if (!(number >= 1 && number <= most))
        return false;
    *value = (int)number;
    return *value == number;
}

static bool read_shape(const cJSON *shape, PredictPicture *p)
{
    return cJSON_IsArray(shape) && cJSON_GetArraySize(shape) == 3
           && read_whole(cJSON_GetArrayItem(shape, 0), PREDICT_SIDE, &p->height)
           && read_whole(cJSON_GetArrayItem(shape, 1), PREDICT_SIDE, &p->width)
           && read_whole(cJSON_GetArrayItem(shape, 2), 3, &p->channels) && p->channels != 2;
}

/* Numbers that must be `count` bytes. */
static uint8_t *bytes_of(const JsonNumbers *json, const cJSON *item, size_t count)
{
    size_t n = 0, taken = 0;
    float *numbers = json_numbers_of(json, item, PREDICT_NUMBERS, &n);
    uint8_t *bytes = numbers && n == count ? xcalloc(count, 1) : NULL;
    for (; bytes && taken < count; taken++) {
        const float number = numbers[taken];
        if (!(number >= 0 && number <= 255 && number == (float)(int)number))
            break;
        bytes[taken] = (uint8_t)number;
    }
    free(numbers);
    if (taken == count)
        return bytes;
    free(bytes);
    return NULL;
}

static bool read_pixels(const JsonNumbers *json, const cJSON *image, const char *pointer,
                        PredictBody *b, Faults *faults)
{
    char at[64];
    PredictPicture p = {0};
    if (!read_shape(cJSON_GetObjectItemCaseSensitive(image, "shape"), &p)) {
        snprintf(at, sizeof at, "%s/shape", pointer);
        faults_add(faults, at,
                   "must be [height, width, channels]: sides of 1 to %d, and 1 or 3 channels",
                   PREDICT_SIDE);
        return false;
    }
    p.size = (size_t)p.height * (size_t)p.width * (size_t)p.channels;
    p.owned = bytes_of(json, cJSON_GetObjectItemCaseSensitive(image, "pixels"), p.size);
    if (!p.owned) {
        snprintf(at, sizeof at, "%s/pixels", pointer);
        faults_add(faults, at,
                   "must be %zu whole numbers from 0 to 255, rows of pixels of channels, and at "
                   "most %d",
                   p.size, PREDICT_NUMBERS);
        return false;
    }
    p.bytes = p.owned;
    return add(b, p, NULL);
}

static void check_members(const cJSON *object, const char *pointer, const char *const *known,
                          Faults *faults)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char at[128];
        bool found = false;
        for (int i = 0; known[i]; i++)
            found = found || strcmp(item->string, known[i]) == 0;
        snprintf(at, sizeof at, "%s/%.60s", pointer, item->string);
        if (!found)
            faults_add(faults, at, "is not a known field");
    }
}

static void read_image(const JsonNumbers *json, const cJSON *image, int index, PredictBody *b,
                       Faults *faults)
{
    static const char *const KNOWN[] = {"base64", "pixels", "shape", NULL};
    char pointer[32], at[64];
    snprintf(pointer, sizeof pointer, "/images/%d", index);
    const cJSON *base64 = cJSON_GetObjectItemCaseSensitive(image, "base64");
    const cJSON *pixels = cJSON_GetObjectItemCaseSensitive(image, "pixels");
    if (!cJSON_IsObject(image) || !base64 == !pixels) {
        faults_add(faults, pointer,
                   "must be {\"base64\": ...} or {\"pixels\": ..., \"shape\": ...}");
        return;
    }
    check_members(image, pointer, KNOWN, faults);
    snprintf(at, sizeof at, "%s/base64", pointer);
    if (base64)
        read_base64(base64, at, b, faults);
    else
        read_pixels(json, image, pointer, b, faults);
}

static bool read_images(const JsonNumbers *json, PredictBody *b, Faults *faults)
{
    static const char *const KNOWN[] = {"images", NULL};
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(json->json, "images"), *image;
    const int count = cJSON_IsArray(images) ? cJSON_GetArraySize(images) : 0;
    if (count < 1 || count > PREDICT_IMAGES) {
        faults_add(faults, "/images", "must be an array of 1 to %d pictures", PREDICT_IMAGES);
        return false;
    }
    check_members(json->json, "", KNOWN, faults);
    int index = 0;
    cJSON_ArrayForEach(image, images) read_image(json, image, index++, b, faults);
    return faults->count == 0;
}

static bool read_json(const char *body, size_t size, PredictBody *b, Faults *faults, Error *err)
{
    JsonNumbers json;
    if (!json_numbers_read("body", body, size, &json, err))
        return false;
    const bool ok = read_images(&json, b, faults);
    json_numbers_free(&json);
    return ok;
}

/* ---- Any of them ---- */

bool predict_body_read(const char *content_type, const char *body, size_t size, PredictBody *b,
                       Faults *faults, Error *err)
{
    // With the names that programs have for them; the bytes tell which it is.
    static const char *const FILES[] = {"image/jpeg",
                                        "image/jpg",
                                        "image/pjpeg",
                                        "image/png",
                                        "image/x-png",
                                        "image/webp",
                                        "application/octet-stream"};
    *b = (PredictBody){.count = 0};
    if (!content_type)
        return add_file(b, body, size, NULL, err);  // RFC 9110, 8.3: bytes, then
    for (size_t i = 0; i < COUNT(FILES); i++)
        if (content_type_is(content_type, FILES[i]))
            return add_file(b, body, size, NULL, err);
    if (content_type_is(content_type, "multipart/form-data"))
        return read_multipart(content_type, body, size, b, err);
    if (content_type_is(content_type, "application/json"))
        return read_json(body, size, b, faults, err);
    return fail_as(err, ERR_INVALID, "unsupported_media_type",
                   "the body must be a picture (image/jpeg, image/png, image/webp, "
                   "application/octet-stream), multipart/form-data or application/json, not %.100s",
                   content_type);
}

void predict_body_free(PredictBody *b)
{
    for (int i = 0; i < b->count; i++)
        free(b->items[i].owned);
    b->count = 0;
}
