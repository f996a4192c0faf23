#include "server/api/datasets/opened_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/datasets/api_dataset.h"
#include "server/data/dataset_files.h"
#include "server/data/dataset_folder.h"

static bool open_known(App *app, const DatasetInfo *known, OpenedSet *o, Error *err)
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

bool opened_set_open(App *app, const Request *req, OpenedSet *o, Error *err)
{
    const DatasetInfo *known = dataset_find(req->params[0]);
    DatasetRow row;
    *o = (OpenedSet){.set = NULL};
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

void opened_set_close(App *app, const OpenedSet *o)
{
    open_sets_return(app->open_sets, o->set);
}

bool opened_set_find(const OpenedSet *o, const Request *req, Picture *picture, int64_t *n,
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
