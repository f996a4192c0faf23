/* server/work/estimate.h -- what a job will take, before it starts: memory and time.
 *
 * Memory follows from the network (core/net/memory_estimate.h). Time follows from what this daemon
 * has measured: the newest job of the same network in the same precision, on as many threads and
 * the same kind of CPU, preferably of the same image and batch size, scaled by multiply-adds. Where
 * no such job has run, nothing is said of the time.
 */
#pragma once
#include "core/train/bench.h"
#include "server/jobs/jobs.h"
#include "server/work/machine/cpus.h"

typedef struct {
    // Resident, of the whole daemon while it trains this one job; without mapped pixels, which the
    // system keeps in memory only while nothing else wants it.
    size_t memory_bytes;
    int64_t measured_job;        // 0: none alike has run here, and what follows is 0
    double examples_per_second;  // of this job's training
    double seconds;              // of training and tests, or the job's own budget if that is less
} JobEstimate;

/* Of a data set, what memory depends on. */
typedef struct {
    Shape image;
    int train_count, test_count;
    bool mapped;  // its pixels are in files, which the system may drop from memory
} SetSize;

/* JobEstimate.memory_bytes of a job whose network is `g`. */
size_t estimate_memory(const Graph *g, const JobSpec *spec, const SetSize *set, int threads);

/* Whether this process may have the memory that a training needs, with its data set read already.
 * ERR_NO_MEMORY, with the figures; ERR_INVALID: the network does not fit the image. */
bool training_fits(const JobSpec *spec, const Dataset *dataset, int threads, Error *err);

/* Whether this process may have so many bytes more for a model that is to predict. ERR_NO_MEMORY,
 * with the figures and the reason "too_large_for_memory". */
bool model_fits(size_t bytes, Error *err);

/* Whether it may have what an evaluation of a network needs beside its weights. ERR_NO_MEMORY. */
bool evaluation_fits(const Graph *g, int batch_size, bool bf16, int threads, Error *err);

/* The same for a bench. */
bool bench_fits(const BenchConfig *config, Error *err);

/* ERR_INVALID: the network does not fit the image. ERR_IO. */
bool jobs_estimate(Jobs *jobs, const JobSpec *spec, JobThreads threads, JobEstimate *estimate,
                   Error *err);
