/* DESIGN
 * A ring of SLOTS batches between one producer (the loader's thread) and one consumer (the caller).
 * The producer fills the slots in turn, the consumer gets them in turn; `produced` and `consumed`
 * count batches since the start, so a batch is in the slot of its number modulo SLOTS. The batch
 * that the caller uses still occupies its slot, hence SLOTS - 1 batches are prepared ahead of it.
 * One mutex guards the two counters and the stop flag; pixels are written and read outside it,
 * since a slot belongs to one side at a time.
 *
 * The producer knows only the data set, the config and a position (epoch, batch), so every batch is
 * a pure function of its position. Data set and split are borrowed and only read.
 */
#include "core/data/loader.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "core/data/augment/mixup.h"
#include "core/data/image_maker.h"

enum {
    SLOTS = 3,
    ALIGNMENT = 64,  // of a batch's pixels: a cache line and the widest vector
};

typedef struct {
    float *images;
    int32_t *labels, *mixed_labels;
    Batch batch;
} Slot;

struct Loader {
    // What to produce; constant after loader_new.
    Shape src;
    const Split *split;
    LoaderConfig config;
    int examples;
    int64_t batches;  // per epoch

    // The producer's own.
    ImageMaker *maker;
    int32_t *partners;  // (batch_size), of mixup
    float *room;        // one image, for mixup
    int32_t *listed;    // (examples), in the order in which they are listed
    int32_t *order;     // (examples), of epoch `order_epoch`
    int64_t order_epoch;
    int64_t epoch, index;  // of the next batch to produce

    Slot slots[SLOTS];
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t changed;
    int64_t produced, consumed;  // batches since the start
    bool in_use;                 // the caller still uses batch consumed - 1
    atomic_bool stop;            // also read between images, without the mutex

    double wait_seconds;  // the consumer's own
};

static void set_order(Loader *l)
{
    if (l->order_epoch == l->epoch)
        return;
    memcpy(l->order, l->listed, (size_t)l->examples * sizeof *l->order);
    if (l->config.shuffle) {
        Rng rng = rng_new(l->config.seed, RNG_ORDER, (uint64_t)l->epoch);
        rng_shuffle(&rng, l->order, (size_t)l->examples);
    }
    l->order_epoch = l->epoch;
}

/* Mixup, and the batch's own description of it. */
static void mix_batch(Loader *l, Slot *slot, size_t image_floats)
{
    Batch *b = &slot->batch;
    const DrawKey key = {l->config.seed, b->epoch, b->index};
    b->share = mixup_draw(l->config.augmentation.mixup, &key, b->count, l->partners);
    for (int i = 0; i < b->count; i++)
        slot->mixed_labels[i] = slot->labels[l->partners[i]];
    b->mixed_labels = slot->mixed_labels;
    mixup_images(slot->images, image_floats, b->count, b->share, l->partners, l->room);
}

/* Fill a slot and advance the position. False if it was stopped in between. */
static bool make_batch(Loader *l, Slot *slot)
{
    set_order(l);
    const int first = (int)(l->index * l->config.batch_size);
    const int left = l->examples - first;
    const int count = left < l->config.batch_size ? left : l->config.batch_size;
    const int side = progressive_size(&l->config.progressive, l->config.image_size, l->epoch);
    const size_t src_bytes = shape_count(l->src);
    const size_t image_floats = (size_t)l->src.channels * (size_t)side * (size_t)side;
    image_maker_set_size(l->maker, side);
    for (int i = 0; i < count; i++) {
        if (atomic_load_explicit(&l->stop, memory_order_relaxed))
            return false;
        const size_t example = (size_t)l->order[first + i];
        const DrawKey key = {l->config.seed, l->epoch, (int64_t)example};
        image_maker_run(l->maker, l->split->pixels + example * src_bytes, &key,
                        slot->images + (size_t)i * image_floats);
        slot->labels[i] = l->split->labels[example];
    }
    const bool last = l->index == l->batches - 1;
    slot->batch = (Batch){.images = slot->images,
                          .labels = slot->labels,
                          .share = 1,
                          .count = count,
                          .image_size = side,
                          .epoch = l->epoch,
                          .index = l->index,
                          .last = last};
    if (l->config.augmentation.mixup > 0)
        mix_batch(l, slot, image_floats);
    l->epoch += last;
    l->index = last ? 0 : l->index + 1;
    return true;
}

static void *run_producer(void *arg)
{
    Loader *l = arg;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->stop && l->produced - (l->consumed - l->in_use) == SLOTS)
            pthread_cond_wait(&l->changed, &l->mutex);
        if (l->stop)
            break;
        Slot *slot = &l->slots[l->produced % SLOTS];
        pthread_mutex_unlock(&l->mutex);
        const bool done = make_batch(l, slot);
        pthread_mutex_lock(&l->mutex);
        l->produced += done;
        pthread_cond_signal(&l->changed);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

const Batch *loader_next(Loader *l)
{
    pthread_mutex_lock(&l->mutex);
    l->in_use = false;
    pthread_cond_signal(&l->changed);
    if (l->produced == l->consumed) {
        const double start = clock_seconds();
        while (l->produced == l->consumed)
            pthread_cond_wait(&l->changed, &l->mutex);
        l->wait_seconds += clock_seconds() - start;
    }
    const Slot *slot = &l->slots[l->consumed % SLOTS];
    l->consumed++;
    l->in_use = true;
    pthread_mutex_unlock(&l->mutex);
    return &slot->batch;
}

static bool check_config(const Split *split, Shape picture, const LoaderConfig *c, Error *err)
{
    if (c->batch_size < 1)
        return fail(err, ERR_INVALID, "batch_size must be at least 1, got %d", c->batch_size);
    if (c->image_size < 1)
        return fail(err, ERR_INVALID, "image_size must be at least 1, got %d", c->image_size);
    if (c->limit < 0)
        return fail(err, ERR_INVALID, "limit must be at least 0, got %d", c->limit);
    if (split->count < 1 || (c->examples && c->example_count < 1))
        return fail(err, ERR_INVALID, "the split has no examples");
    if (c->normalization.channels != 0 && c->normalization.channels != picture.channels)
        return fail(err, ERR_INVALID, "normalization is of %d channels, the pictures have %d",
                    c->normalization.channels, picture.channels);
    return augmentation_check(&c->augmentation, picture, err)
           && progressive_check(&c->progressive, c->image_size, err);
}

/* Batches and scratch. The sizes come from a request, so every product is checked. */
static bool allocate(Loader *l, Error *err)
{
    const size_t side = (size_t)l->config.image_size;
    const size_t count =
        (size_t)(l->config.batch_size < l->examples ? l->config.batch_size : l->examples);
    size_t floats, all, bytes, padded;  // of one image, of a batch
    // As a double, which also holds sizes that do not fit a size_t.
    const double needed = (double)side * (double)side * l->src.channels * (double)count * 4;
    bool fits = !__builtin_mul_overflow(side * side, (size_t)l->src.channels, &floats)
                && !__builtin_mul_overflow(floats, count, &all)
                && !__builtin_mul_overflow(all, sizeof(float), &bytes)
                && !__builtin_add_overflow(bytes, ALIGNMENT - bytes % ALIGNMENT, &padded);
    for (int i = 0; fits && i < SLOTS; i++) {
        l->slots[i].images = aligned_alloc(ALIGNMENT, padded);
        l->slots[i].labels = malloc(count * sizeof(int32_t));
        l->slots[i].mixed_labels = malloc(count * sizeof(int32_t));
        fits = l->slots[i].images && l->slots[i].labels && l->slots[i].mixed_labels;
    }
    l->room = fits ? malloc(floats * sizeof *l->room) : NULL;
    l->partners = malloc(count * sizeof *l->partners);
    l->order = malloc((size_t)l->examples * sizeof *l->order);
    l->listed = malloc((size_t)l->examples * sizeof *l->listed);
    if (!l->room || !l->partners || !l->order || !l->listed)
        return fail(err, ERR_NO_MEMORY,
                    "no memory for %d batches of %zu images of %d x %d pixels: %.0f MB are needed",
                    SLOTS, count, l->config.image_size, l->config.image_size,
                    ceil(SLOTS * needed / (1 << 20)));
    for (int i = 0; i < l->examples; i++)
        l->listed[i] = l->config.examples ? l->config.examples[i] : i;
    l->config.examples = NULL;  // borrowed for the call only
    l->maker = image_maker_new(l->src, &l->config.augmentation, &l->config.normalization);
    return true;
}

bool loader_new(const Dataset *dataset, const Split *split, LoaderConfig config, Loader **loader,
                Error *err)
{
    if (!check_config(split, dataset->image, &config, err))
        return false;
    const bool limited = config.limit > 0 && config.limit < split->count;
    const int examples = config.examples ? config.example_count
                         : limited       ? config.limit
                                         : split->count;
    const bool drops = config.drop_single && examples % config.batch_size == 1;
    const int64_t batches = (examples - 1) / config.batch_size + 1 - drops;
    if (batches == 0)
        return fail(err, ERR_INVALID, "the split has one example, which makes no batch");
    if (config.first_epoch < 0 || config.first_batch < 0 || config.first_batch >= batches)
        return fail(
            err, ERR_INVALID, "batch %lld of epoch %lld does not exist: an epoch has %lld batches",
            (long long)config.first_batch, (long long)config.first_epoch, (long long)batches);

    Loader *l = xcalloc(1, sizeof *l);
    l->src = dataset->image;
    l->split = split;
    l->config = config;
    l->examples = examples;
    l->batches = batches;
    l->order_epoch = -1;
    l->epoch = config.first_epoch;
    l->index = config.first_batch;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    if (!allocate(l, err)
        || !(l->running = thread_start(&l->thread, run_producer, l, "the loader's thread", err))) {
        loader_free(l);
        return false;
    }
    *loader = l;
    return true;
}

void loader_free(Loader *l)
{
    if (!l)
        return;
    if (l->running) {
        pthread_mutex_lock(&l->mutex);
        l->stop = true;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    for (int i = 0; i < SLOTS; i++) {
        free(l->slots[i].images);
        free(l->slots[i].labels);
        free(l->slots[i].mixed_labels);
    }
    image_maker_free(l->maker);
    free(l->room);
    free(l->partners);
    free(l->order);
    free(l->listed);
    free(l);
}

int64_t loader_batches_per_epoch(const Loader *l)
{
    return l->batches;
}

int loader_examples(const Loader *l)
{
    return l->examples;
}

double loader_wait_seconds(const Loader *l)
{
    return l->wait_seconds;
}
