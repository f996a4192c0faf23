/* The pictures of a data set: lists, PNGs, and what augmentation does to one.
 *
 * A picture's number counts the training pictures from 0, and the test pictures after them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/nfc.h"
#include "core/data/encode_png.h"
#include "core/data/loader/image_maker.h"
#include "server/api/api_common.h"
#include "server/api/datasets/api_dataset.h"
#include "server/api/jobs/json_job.h"
#include "server/base/ids.h"
#include "server/data/dataset_files.h"
#include "server/data/dataset_folder.h"
#include "server/http/message/etag.h"

enum {
    LIST_DEFAULT = 100,
    LIST_MOST = 1000,
    DRAWS_DEFAULT = 8,
    DRAWS_MOST = 16,
};

/* ---- The set ---- */

typedef struct {
    const Dataset *set;  // borrowed
    char id[ID_TEXT];
    char digest[DATASET_DIGEST];  // "": a known set
    Path names;                   // folder of the lists of files; "": there are none
} Opened;

static bool open_known(App *app, const DatasetInfo *known, Opened *o, Error *err)
{
    char *folder = dataset_folder(app->datasets, known);
    snprintf(o->id, sizeof o->id, "%s", known->name);
    const bool ok =
        open_sets_borrow(app->open_sets, known->name, known->name, folder, &o->set, err);
    free(folder);
    return ok;
}

/* Whoever asks next is told that the set has failed. */
static bool refuse_damaged(App *app, int64_t id, const char *name, Error *err)
{
    if (err->code != ERR_DAMAGED && err->code != ERR_NOT_FOUND)
        return false;
    const Error why = *err;
    datasets_damaged(app->sets, id, &why);
    return fail_as(err, ERR_CONFLICT, "dataset_not_ready",
                   "%.100s has no pictures: its files are damaged: %.300s", name, why.message);
}

static bool open_set(App *app, const Request *req, Opened *o, Error *err)
{
    const DatasetInfo *known = dataset_find(req->params[0]);
    DatasetRow row;
    *o = (Opened){.set = NULL};
    if (known)
        return open_known(app, known, o, err);
    if (!request_dataset(app, req, &row, err))
        return false;
    dataset_row_free(&row);
    if (row.status != DATASET_READY)
        return fail_as(err, ERR_CONFLICT, "dataset_not_ready", "%s has no pictures: it is %s",
                       row.name, DATASET_STATUS_NAMES[row.status]);
    dataset_id_format(row.id, o->id);
    memcpy(o->digest, row.digest, sizeof o->digest);
    o->names = dataset_pixels_path(app->data, row.id);
    // With a slash in it, it is a folder for dataset_open.
    char *folder = xasprintf("%s/", o->names.text);
    const bool ok = open_sets_borrow(app->open_sets, o->id, folder, NULL, &o->set, err);
    free(folder);
    return ok || refuse_damaged(app, row.id, row.name, err);
}

/* ---- The list ---- */

typedef struct {
    int64_t after, limit;
    int label;         // -1: of any class
    bool train, test;  // of which splits
} PictureFilter;

static int label_named(const Dataset *set, const char *name)
{
    int label = 0;
    while (label < set->classes && !nfc_equal(set->class_names[label], name))
        label++;
    return label < set->classes ? label : -1;
}

static PictureFilter read_filter(const Dataset *set, Query *query, Faults *faults)
{
    PictureFilter f = {.label = -1, .train = true, .test = true};
    const char *class = query_text(query, "class", faults);
    const char *split = query_text(query, "split", faults);
    f.after = query_integer(query, "after", -1, 0, INT32_MAX, faults);
    f.limit = query_integer(query, "limit", LIST_DEFAULT, 1, LIST_MOST, faults);
    if (class && (f.label = label_named(set, class)) < 0)
        faults_add(faults, "?class", "must be the name of a class, there is no %.100s", class);
    if (split) {
        f.train = strcmp(split, "train") == 0;
        f.test = strcmp(split, "test") == 0;
        if (!f.train && !f.test)
            faults_add(faults, "?split", "must be train or test, got %.40s", split);
    }
    query_finish(query, faults);
    return f;
}

/* Reads train.names or test.names line by line, forward only. */
typedef struct {
    FILE *file;
    int64_t line;  // that comes next
    char *text;
    size_t room;
} Names;

static Names names_open(const Opened *o, const char *split)
{
    Names names = {.file = NULL};
    Path path;
    const int length = snprintf(path.text, sizeof path.text, "%s/%s.names", o->names.text, split);
    if (o->names.text[0] && length > 0 && (size_t)length < sizeof path.text)
        names.file = fopen(path.text, "re");
    return names;
}

static const char *names_get(Names *names, int64_t line)
{
    while (names->file && names->line <= line) {
        const ssize_t length = getline(&names->text, &names->room, names->file);
        if (length < 0)
            return NULL;
        names->line++;
        if (length > 0 && names->text[length - 1] == '\n')
            names->text[length - 1] = '\0';
    }
    return names->file ? names->text : NULL;
}

static void names_close(Names *names)
{
    if (names->file)
        fclose(names->file);
    free(names->text);
}

static cJSON *picture_to_json(const Opened *o, int64_t n, const char *split, int label,
                              const char *file)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "n", (double)n);
    cJSON_AddStringToObject(json, "object", "picture");
    cJSON_AddStringToObject(json, "split", split);
    cJSON_AddStringToObject(json, "class", o->set->class_names[label]);
    cJSON_AddNumberToObject(json, "label", label);
    cJSON_AddItemToObject(json, "file", file ? cJSON_CreateString(file) : cJSON_CreateNull());
    return json;
}

/* The pictures of one split that the filter lets pass; true if there are more than fit. */
static bool add_split(const Opened *o, const PictureFilter *f, const char *name, const Split *split,
                      int64_t first, cJSON *data, int64_t *last)
{
    Names names = names_open(o, name);
    int64_t i = f->after >= first ? f->after - first + 1 : 0;
    bool more = false;
    for (; i < split->count && !more; i++) {
        if (f->label >= 0 && split->labels[i] != f->label)
            continue;
        more = cJSON_GetArraySize(data) == f->limit;
        if (more)
            break;
        *last = first + i;
        cJSON_AddItemToArray(
            data, picture_to_json(o, *last, name, split->labels[i], names_get(&names, i)));
    }
    names_close(&names);
    return more;
}

bool list_pictures(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    Opened o;
    int64_t last = -1;
    if (!open_set(app, req, &o, err))
        return false;
    const PictureFilter f = read_filter(o.set, req->query, &faults);
    if (faults.count) {
        open_sets_return(app->open_sets, o.set);
        return respond_faults(res, &faults);
    }
    cJSON *data = cJSON_CreateArray();
    const bool more =
        (f.train && add_split(&o, &f, "train", &o.set->train, 0, data, &last))
        || (f.test && add_split(&o, &f, "test", &o.set->test, o.set->train.count, data, &last));
    open_sets_return(app->open_sets, o.set);
    return respond_json(
        res, 200, list_to_json(data, more, last >= 0 ? cJSON_CreateNumber((double)last) : NULL));
}

/* ---- One picture ---- */

/* The pixels of the picture that the path names. */
static bool find_picture(const Opened *o, const Request *req, Picture *picture, int64_t *n,
                         Error *err)
{
    const Dataset *set = o->set;
    const int64_t all = (int64_t)set->train.count + set->test.count;
    const char *text = req->params[1];
    const size_t digits = strspn(text, "0123456789");
    *n = digits > 0 && digits < 11 && !text[digits] ? strtoll(text, NULL, 10) : -1;
    if (*n < 0 || *n >= all)
        return fail_as(err, ERR_NOT_FOUND, "picture_not_found",
                       "%s has pictures 0 to %" PRId64 ", there is no %s", o->id, all - 1, text);
    const Split *split = *n < set->train.count ? &set->train : &set->test;
    const int64_t i = *n < set->train.count ? *n : *n - set->train.count;
    const Shape s = set->image;
    *picture = (Picture){split->pixels + (size_t)i * shape_count(s),
                         (size_t)s.width * (size_t)s.channels, s.height, s.width, s.channels};
    return true;
}

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

/* As it stands in the list. */
static cJSON *find_row(const Opened *o, int64_t n)
{
    const Dataset *set = o->set;
    const bool train = n < set->train.count;
    const char *split = train ? "train" : "test";
    const int64_t i = train ? n : n - set->train.count;
    Names names = names_open(o, split);
    cJSON *json = picture_to_json(o, n, split, (train ? &set->train : &set->test)->labels[i],
                                  names_get(&names, i));
    names_close(&names);
    return json;
}

bool get_picture(App *app, const Request *req, Response *res, Error *err)
{
    Opened o;
    Picture picture;
    int64_t n;
    if (request_has_faults(req, res))
        return true;
    if (!open_set(app, req, &o, err))
        return false;
    const bool ok = find_picture(&o, req, &picture, &n, err);
    if (ok)
        respond_json(res, 200, find_row(&o, n));
    open_sets_return(app->open_sets, o.set);
    return ok;
}

/* A set never changes: neither does a picture of it. */
bool get_picture_content(App *app, const Request *req, Response *res, Error *err)
{
    Opened o;
    Picture picture;
    int64_t n;
    char etag[DATASET_DIGEST + ID_TEXT + 32];
    if (request_has_faults(req, res))
        return true;
    if (!open_set(app, req, &o, err))
        return false;
    bool ok = find_picture(&o, req, &picture, &n, err);
    snprintf(etag, sizeof etag, "\"%.16s-%s-%" PRId64 "\"", o.digest, o.id, n);
    const bool known = ok && etag_named_weakly(request_header(req, "If-None-Match"), etag);
    if (ok)
        ok = known ? respond_empty(res, 304) : respond_png(&picture, res, err);
    // Pixels that are mapped may have been cut off meanwhile.
    ok = ok && dataset_intact(o.set, err);
    open_sets_return(app->open_sets, o.set);
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
    Opened o;
    Picture picture;
    Preview p = {.n = 0};
    p.draw = query_integer(req->query, "draw", 0, 0, INT32_MAX, &faults);
    p.draws = (int)query_integer(req->query, "draws", DRAWS_DEFAULT, 1, DRAWS_MOST, &faults);
    query_finish(req->query, &faults);
    if (!open_set(app, req, &o, err))
        return false;
    bool ok = find_picture(&o, req, &picture, &p.n, err);
    if (ok && !read_settings(app, req, o.id, &spec, &faults))
        ok = respond_faults(res, &faults);
    else if (ok)
        ok = respond_preview(o.set, &picture, &spec, p, res, err) && dataset_intact(o.set, err);
    spec_free(&spec);
    open_sets_return(app->open_sets, o.set);
    return ok;
}
