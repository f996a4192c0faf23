/* server/data/open_sets.h -- sets that are open for clients to look at their pictures.
 *
 * Opening one may read all of it (a known set) or its labels; a page of pictures asks for a hundred
 * right after another. The last few stay open. Any thread.
 */
#pragma once
#include "core/data/dataset.h"

typedef struct OpenSets OpenSets;

OpenSets *open_sets_new(void);
void open_sets_free(OpenSets *open);  // none is borrowed any more; takes NULL

/* The set `id`, which is never another one: opened from `source` and `folder` (dataset_open) where
 * it is not open. Give it back with open_sets_return. */
bool open_sets_borrow(OpenSets *open, const char *id, const char *source, const char *folder,
                      const Dataset **set, Error *err);
void open_sets_return(OpenSets *open, const Dataset *set);

void open_sets_forget(OpenSets *open, const char *id);  // it was deleted
