/* tests/server/data/sets_fixture.h -- data sets in a scratch folder, and the few moves that tests
 * repeat. */
#pragma once
#include "server/base/files.h"
#include "server/data/datasets.h"
#include "server/data/datasets_import.h"
#include "tests/server/scratch.h"

typedef struct {
    Scratch scratch;
    int64_t limit;  // of the quota
    int retry_ms;   // of the jobs
    Jobs *jobs;
    Quota *quota;
    Uploads *uploads;
    Datasets *sets;
    Error err;
} SetsFixture;

int sets_set_up(void **state);
int sets_tear_down(void **state);

void sets_open(SetsFixture *f);
void sets_close(SetsFixture *f);
void sets_reopen(SetsFixture *f);  // as a daemon that has died and is started again

/* A set of a source, or with "" one that waits; its id. */
int64_t sets_add(SetsFixture *f, const char *name, const char *kind, const char *what);
int64_t sets_add_ready(SetsFixture *f, const char *name);
/* A set whose upload is deleted before it was fetched: another client was at work on it. */
int64_t sets_add_lost(SetsFixture *f, const char *name);
/* A whole upload of ten bytes; its id. */
void sets_add_upload(SetsFixture *f, char id[UPLOAD_ID]);

DatasetRow sets_row(SetsFixture *f, int64_t id);  // without its texts
DatasetStatus sets_status(SetsFixture *f, int64_t id);

/* An import as its thread does it. The next set must be this one; what is written is 100 bytes of
 * pixels; a set that is ready gets them. */
void sets_take(SetsFixture *f, int64_t id);
void sets_write_pixels(SetsFixture *f, int64_t id);
void sets_finish(SetsFixture *f, int64_t id, bool ready, const char *code);

void put_file(const char *path, const char *text);
bool is_there(Path path);
void check_refused(SetsFixture *f, bool answer, const char *reason);  // ERR_CONFLICT
