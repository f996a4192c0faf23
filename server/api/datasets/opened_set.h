/* server/api/datasets/opened_set.h -- the data set and the picture that a path names.
 *
 * A picture's number counts the training pictures from 0, and the test pictures after them.
 */
#pragma once
#include "core/data/dataset.h"
#include "server/api/app.h"
#include "server/base/ids.h"

typedef struct {
    const Dataset *set;  // borrowed
    char id[ID_TEXT];
    char digest[DATASET_DIGEST];  // "": a known set
    Path names;                   // folder of the lists of files; "": there are none
} OpenedSet;

/* The set of the path's first parameter. ERR_NOT_FOUND: there is none. ERR_CONFLICT: it is not
 * ready, or its files are damaged. */
bool opened_set_open(App *app, const Request *req, OpenedSet *o, Error *err);
void opened_set_close(App *app, const OpenedSet *o);

/* The pixels, which are the set's, and the number of the picture of the path's second parameter.
 * ERR_NOT_FOUND: there is none. */
bool opened_set_find(const OpenedSet *o, const Request *req, Picture *picture, int64_t *n,
                     Error *err);
