/* The pictures of a data set as JSON: lists, and one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/nfc.h"
#include "server/api/api_common.h"
#include "server/api/datasets/opened_set.h"

enum {
    LIST_DEFAULT = 100,
    LIST_MOST = 1000,
};

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

static Names names_open(const OpenedSet *o, const char *split)
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

static cJSON *picture_to_json(const OpenedSet *o, int64_t n, const char *split, int label,
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
static bool add_split(const OpenedSet *o, const PictureFilter *f, const char *name,
                      const Split *split, int64_t first, cJSON *data, int64_t *last)
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
    OpenedSet o;
    int64_t last = -1;
    if (!opened_set_open(app, req, &o, err))
        return false;
    const PictureFilter f = read_filter(o.set, req->query, &faults);
    if (faults.count) {
        opened_set_close(app, &o);
        return respond_faults(res, &faults);
    }
    cJSON *data = cJSON_CreateArray();
    const bool more =
        (f.train && add_split(&o, &f, "train", &o.set->train, 0, data, &last))
        || (f.test && add_split(&o, &f, "test", &o.set->test, o.set->train.count, data, &last));
    opened_set_close(app, &o);
    return respond_json(
        res, 200, list_to_json(data, more, last >= 0 ? cJSON_CreateNumber((double)last) : NULL));
}

/* As it stands in the list. */
static cJSON *find_row(const OpenedSet *o, int64_t n)
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
    OpenedSet o;
    Picture picture;
    int64_t n;
    if (request_has_faults(req, res))
        return true;
    if (!opened_set_open(app, req, &o, err))
        return false;
    const bool ok = opened_set_find(&o, req, &picture, &n, err);
    if (ok)
        respond_json(res, 200, find_row(&o, n));
    opened_set_close(app, &o);
    return ok;
}
