/* tests/server/work/worker_fixture.h -- workers on the jobs of a scratch folder, and a job that
 * takes them a second. */
#pragma once
#include "server/work/worker.h"
#include "tests/server/jobs/fixture.h"

/* 8 steps an epoch, and with so few each is a point of the curve. */
#define TINY                                                                                       \
    "\"network\":\"googlenet_tiny\",\"image_size\":28,\"batch_size\":16,\"train_limit\":120,"      \
    "\"test_limit\":50,\"seed\":3,\"threads\":1,\"optimizer\":{\"learning_rate\":0.05,"            \
    "\"momentum\":0.9}"

enum { STEPS = 8 };

/* `datasets` NULL: those of $GOOGLENETD_DATASETS. */
Workers *worker_start(JobsFixture *f, int count, const char *datasets);

/* Wait for the end of a job's activity; the job then. */
JobInfo worker_wait_until_idle(JobsFixture *f, int64_t id);
void worker_wait_for_step(JobsFixture *f, int64_t id, int64_t step);

/* The hash of the newest model, as its row has it; checked against the file. */
void worker_latest_hash(JobsFixture *f, int64_t id, char sha256[65]);
/* The hash of the same job trained without a break. */
void worker_unbroken_hash(JobsFixture *f, const char *settings, char sha256[65]);

/* All points and so many epochs are there, in order. */
void worker_check_series(JobsFixture *f, int64_t id, int64_t epochs);
