/* core/data/loader/loader.h -- batches of a split, augmented, resized and normalised, prepared in
 * advance by threads.
 *
 * The order of the examples in epoch e is a shuffle that depends on the seed and e alone, and what
 * becomes of an example depends on the seed, e and the example, so a loader can start at any batch
 * of any epoch and give the same batches as one that ran from the beginning, and any number of
 * threads gives the same.
 *
 * Memory   three batches and, for each thread, four pictures of the stored or the final size.
 */
#pragma once
#include "core/data/augment/augment.h"
#include "core/data/dataset.h"
#include "core/data/normalization.h"
#include "core/data/progressive.h"

enum { LOADER_MAX_THREADS = 256 };

typedef struct Loader Loader;

typedef struct {
    int batch_size;
    int image_size;               // side in pixels
    Progressive progressive;      // smaller images in the first epochs; {0}: none
    Augmentation augmentation;    // {0}: none
    Normalization normalization;  // {0}: none
    int limit;                    // use the first `limit` examples; 0, or more than there are: all
    const int32_t *examples;      // those to use, copied; NULL: as `limit` says
    int example_count;
    bool drop_single;     // leave out the last batch of an epoch if it has but one example
    bool shuffle;         // a new order every epoch; false: as listed
    uint64_t seed;        // of the order and the augmentation
    int64_t first_epoch;  // epoch to start in, counted from 0
    int64_t first_batch;  // batch of that epoch to start with, counted from 0
    int threads;          // that make pictures; 0: one
    /* Of a batch of `count` examples only images [*first, *end) are wanted; labels are always all
     * there. With mixup all images are made. NULL: all are wanted. */
    void (*wanted)(const void *context, int count, int *first, int *end);
    const void *wanted_context;
} LoaderConfig;

typedef struct {
    const float *images;          // (count, channels, image_size, image_size)
    const int32_t *labels;        // (count)
    const int32_t *mixed_labels;  // (count), of what mixup has mixed in; NULL without
    double share;                 // of `labels` in a mixed image; 1 without mixup
    int count;                    // batch_size, but for the last of an epoch
    int image_size;               // of this epoch
    int64_t epoch;                // counted from 0
    int64_t index;                // of the batch within its epoch, counted from 0
    bool last;                    // ends its epoch
} Batch;

/* Borrows `dataset` and `split` until loader_free. ERR_INVALID: batch_size or image_size below 1,
 * limit below 0, threads out of range, an empty split, an epoch without a batch, first_batch beyond
 * the epoch, a faulty augmentation, a normalisation of another number of channels. ERR_NO_MEMORY:
 * buffers or threads. */
bool loader_new(const Dataset *dataset, const Split *split, LoaderConfig config, Loader **loader,
                Error *err);
void loader_free(Loader *loader);  // stops the threads; takes NULL

/* The next batch; epochs follow one another without end. Valid until the next call. */
const Batch *loader_next(Loader *loader);

int64_t loader_batches_per_epoch(const Loader *loader);
int loader_examples(const Loader *loader);  // per epoch: the split's count or the limit
