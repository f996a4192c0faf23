/* tests/server/store/store_fixture.h -- a store in a scratch folder, and jobs for it. */
#pragma once
#include "server/store/store.h"
#include "tests/server/scratch.h"

typedef struct {
    Scratch scratch;
    Store *store;
    Error err;
} StoreFixture;

int store_set_up(void **state);
int store_tear_down(void **state);
void store_reopen(StoreFixture *f);

/* A job in which no two fields are alike. */
JobInfo full_job(void);

/* The same, stored; the caller frees it. */
JobInfo add_job(StoreFixture *f, JobStatus job_status, int64_t queued_at);
