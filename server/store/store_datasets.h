/* server/store/store_datasets.h -- the rows of data sets. Errors as in store.h. */
#pragma once
#include "server/store/store.h"

/* Within a transaction. ERR_CONFLICT: the name is taken. */
bool store_add_dataset(Store *store, DatasetRow *set, Error *err);  // gives it its id
/* ERR_CONFLICT (reason "name_taken"): another set than `id` has the name. */
bool store_dataset_name_free(Store *store, const char *name, int64_t id, Error *err);
bool store_load_dataset(Store *store, int64_t id, DatasetRow *set, Error *err);
bool store_save_dataset(Store *store, const DatasetRow *set, Error *err);
bool store_next_import(Store *store, int64_t *id, Error *err);  // the oldest `importing`; 0: none
/* A set that is being imported from that upload; 0: there is none. */
bool store_upload_user(Store *store, const char *upload, int64_t *id, Error *err);
/* An active job that trains on the set; 0: there is none. */
bool store_dataset_user(Store *store, int64_t id, int64_t *job_id, Error *err);
/* Something that happens to a set; it replaces what was told of its progress before. */
bool store_tell_dataset(Store *store, int64_t id, Event *event, Error *err);
/* The row and its events; its files are to be removed from then on. */
bool store_remove_dataset(Store *store, int64_t id, Error *err);
bool store_dataset_removed(Store *store, int64_t id, Error *err);  // the files are gone
bool store_raise_dataset_ids(Store *store, int64_t last, Error *err);

/* Outside of one; they see what has been committed. */
bool store_dataset(Store *store, int64_t id, DatasetRow *set, Error *err);
bool store_dataset_named(Store *store, const char *name, DatasetRow *set, Error *err);
bool store_datasets(Store *store, const DatasetQuery *query, DatasetList *list, Error *err);
bool store_dataset_removals(Store *store, IdList *list, Error *err);
bool store_dataset_totals(Store *store, int64_t *count, int64_t *bytes, Error *err);
