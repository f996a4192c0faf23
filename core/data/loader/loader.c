/* DESIGN
 * A ring of SLOTS batches between the loader's threads and one consumer (the caller). Batches are
 * opened in turn, each in the slot of its number modulo SLOTS; the consumer gets them in turn. The
 * batch that the caller uses still occupies its slot, hence SLOTS - 1 are prepared ahead of it.
 *
 * A thread claims the next few pictures of the open batch; when none is left, it opens the next one
 * as soon as there is a slot, and the others wait behind it. Whoever makes a batch's last picture
 * completes the batch. A picture is a pure function of seed, epoch and example, and so are a
 * batch's examples and its mixup of its position: who makes what, and when, does not matter.
 *
 * Two mutexes, in this order. `claim` guards what is to be made next: position, order of the
 * examples, open batch. `mutex` guards the slots' states and what the consumer holds. Pixels are
 * written and read outside both: a slot belongs to the threads until it is ready, then to the
 * consumer. Data set and split are borrowed and only read.
 */
#include "core/data/loader/loader.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/rng.h"
#include "core/base/threads/thread.h"
#include "core/data/loader/image_maker.h"
#include "core/data/loader/loader_slot.h"

enum {
    SLOTS = 3,
    CLAIM = 4,  // pictures that a thread takes at a time
};

/* One of the loader's threads. */
typedef struct {
    Loader *loader;
    ImageMaker *maker;
    pthread_t thread;
} LoaderThread;

struct Loader {
    // What to make; constant after loader_new.
    Shape src;
    const Dataset *dataset;
    const Split *split;
    LoaderConfig config;
    int examples;
    int64_t batches;  // per epoch
    int32_t *listed;  // (examples), in the order in which they are listed

    LoaderSlot slots[SLOTS];
    LoaderThread *threads;  // (config.threads)
    int running;            // threads that were started

    pthread_mutex_t claim;  // guards what follows
    int32_t *order;         // (examples), of epoch `order_epoch`
    int64_t order_epoch;
    int64_t epoch, index;  // of the next batch to open
    int64_t opened;        // batches since the start
    LoaderSlot *open;
    int claimed;  // pictures of the open batch

    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t ready, room;
    int64_t consumed;  // batches since the start
    bool in_use;       // the caller still uses batch consumed - 1
    atomic_bool stop;  // also read between pictures, without the mutex
};

/* ---- What is next; the caller holds `claim` ---- */

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

/* Say what the slot's batch will be, and advance the position. */
static void describe_batch(Loader *l, LoaderSlot *slot)
{
    set_order(l);
    const int first = (int)(l->index * l->config.batch_size);
    const int left = l->examples - first;
    const int count = left < l->config.batch_size ? left : l->config.batch_size;
    const bool last = l->index == l->batches - 1;
    slot->batch = (Batch){
        .images = slot->images,
        .labels = slot->labels,
        .share = 1,
        .count = count,
        .image_size = progressive_size(&l->config.progressive, l->config.image_size, l->epoch),
        .epoch = l->epoch,
        .index = l->index,
        .last = last};
    slot->first = 0;
    slot->end = count;
    if (l->config.wanted && !(l->config.augmentation.mixup > 0))
        l->config.wanted(l->config.wanted_context, count, &slot->first, &slot->end);
    for (int i = 0; i < count; i++) {
        slot->examples[i] = l->order[first + i];
        slot->labels[i] = l->split->labels[slot->examples[i]];
        if (loader_slot_wants(slot, i))
            dataset_will_need(l->dataset, l->split, slot->examples[i]);
    }
    atomic_store(&slot->left, count);
    l->epoch += last;
    l->index = last ? 0 : l->index + 1;
}

/* False: the loader is to stop. */
static bool open_batch(Loader *l)
{
    pthread_mutex_lock(&l->mutex);
    while (!l->stop && l->opened - (l->consumed - l->in_use) == SLOTS)
        pthread_cond_wait(&l->room, &l->mutex);
    const bool stop = l->stop;
    pthread_mutex_unlock(&l->mutex);
    if (stop)
        return false;
    l->open = &l->slots[l->opened++ % SLOTS];
    l->claimed = 0;
    describe_batch(l, l->open);
    return true;
}

/* ---- The threads ---- */

/* Pictures `*first` and on of a slot's batch are the caller's to make. Returns their number; 0: the
 * loader is to stop. */
static int claim_pictures(Loader *l, LoaderSlot **slot, int *first)
{
    int count = 0;
    pthread_mutex_lock(&l->claim);
    if (l->claimed < l->open->batch.count || open_batch(l)) {
        const int left = l->open->batch.count - l->claimed;
        count = left < CLAIM ? left : CLAIM;
        *slot = l->open;
        *first = l->claimed;
        l->claimed += count;
    }
    pthread_mutex_unlock(&l->claim);
    return count;
}

static void make_picture(const Loader *l, ImageMaker *maker, LoaderSlot *slot, int i)
{
    const Batch *b = &slot->batch;
    const size_t example = (size_t)slot->examples[i];
    const size_t floats = (size_t)l->src.channels * (size_t)b->image_size * (size_t)b->image_size;
    const DrawKey key = {l->config.seed, b->epoch, (int64_t)example};
    image_maker_set_size(maker, b->image_size);
    image_maker_run(maker, l->split->pixels + example * shape_count(l->src), &key,
                    slot->images + (size_t)i * floats);
}

static void complete_batch(Loader *l, LoaderSlot *slot)
{
    if (l->config.augmentation.mixup > 0) {
        const DrawKey key = {l->config.seed, slot->batch.epoch, slot->batch.index};
        loader_slot_mix(slot, l->config.augmentation.mixup, &key, l->src.channels);
    }
    pthread_mutex_lock(&l->mutex);
    slot->ready = true;
    pthread_cond_signal(&l->ready);
    pthread_mutex_unlock(&l->mutex);
}

static void *run_thread(void *context)
{
    LoaderThread *thread = context;
    Loader *l = thread->loader;
    LoaderSlot *slot;
    int first;
    for (int count; (count = claim_pictures(l, &slot, &first)) > 0;) {
        for (int i = first; i < first + count; i++) {
            if (atomic_load_explicit(&l->stop, memory_order_relaxed))
                return NULL;
            if (loader_slot_wants(slot, i))
                make_picture(l, thread->maker, slot, i);
        }
        if (atomic_fetch_sub(&slot->left, count) == count)
            complete_batch(l, slot);
    }
    return NULL;
}

/* ---- The consumer ---- */

const Batch *loader_next(Loader *l)
{
    LoaderSlot *slot = &l->slots[l->consumed % SLOTS];
    pthread_mutex_lock(&l->mutex);
    l->in_use = false;
    pthread_cond_signal(&l->room);
    while (!slot->ready)
        pthread_cond_wait(&l->ready, &l->mutex);
    slot->ready = false;
    l->consumed++;
    l->in_use = true;
    pthread_mutex_unlock(&l->mutex);
    return &slot->batch;
}

/* ---- Start and stop ---- */

static bool check_config(const Split *split, Shape picture, const LoaderConfig *c, Error *err)
{
    if (c->batch_size < 1)
        return fail(err, ERR_INVALID, "batch_size must be at least 1, got %d", c->batch_size);
    if (c->image_size < 1)
        return fail(err, ERR_INVALID, "image_size must be at least 1, got %d", c->image_size);
    if (c->threads < 0 || c->threads > LOADER_MAX_THREADS)
        return fail(err, ERR_INVALID, "loader_threads must be 0 to %d, got %d", LOADER_MAX_THREADS,
                    c->threads);
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

/* Batches and the order of the examples. */
static bool allocate(Loader *l, Error *err)
{
    const size_t side = (size_t)l->config.image_size;
    const size_t count =
        (size_t)(l->config.batch_size < l->examples ? l->config.batch_size : l->examples);
    size_t floats;  // of one image
    // As a double, which also holds sizes that do not fit a size_t.
    const double needed = (double)side * (double)side * l->src.channels * (double)count * 4;
    bool fits = !__builtin_mul_overflow(side * side, (size_t)l->src.channels, &floats);
    for (int i = 0; fits && i < SLOTS; i++)
        fits = loader_slot_allocate(&l->slots[i], count, floats);
    l->order = malloc((size_t)l->examples * sizeof *l->order);
    l->listed = malloc((size_t)l->examples * sizeof *l->listed);
    if (!fits || !l->order || !l->listed)
        return fail(err, ERR_NO_MEMORY,
                    "no memory for %d batches of %zu images of %d x %d pixels: %.0f MB are needed",
                    SLOTS, count, l->config.image_size, l->config.image_size,
                    ceil(SLOTS * needed / (1 << 20)));
    for (int i = 0; i < l->examples; i++)
        l->listed[i] = l->config.examples ? l->config.examples[i] : i;
    l->config.examples = NULL;  // borrowed for the call only
    return true;
}

static bool start_threads(Loader *l, Error *err)
{
    l->threads = xcalloc((size_t)l->config.threads, sizeof *l->threads);
    for (; l->running < l->config.threads; l->running++) {
        LoaderThread *thread = &l->threads[l->running];
        *thread = (LoaderThread){
            .loader = l,
            .maker = image_maker_new(l->src, &l->config.augmentation, &l->config.normalization)};
        if (!thread_start(&thread->thread, run_thread, thread, "the loader's thread", err)) {
            image_maker_free(thread->maker);
            return false;
        }
    }
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
    l->dataset = dataset;
    l->split = split;
    l->config = config;
    if (config.threads == 0)
        l->config.threads = 1;
    l->examples = examples;
    l->batches = batches;
    l->order_epoch = -1;
    l->epoch = config.first_epoch;
    l->index = config.first_batch;
    l->open = &l->slots[0];
    pthread_mutex_init(&l->claim, NULL);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->ready, NULL);
    pthread_cond_init(&l->room, NULL);
    if (!allocate(l, err) || !start_threads(l, err)) {
        loader_free(l);
        return false;
    }
    *loader = l;
    return true;
}

static void stop_threads(Loader *l)
{
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_signal(&l->room);  // one thread at most waits for it, the others behind that one
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->running; i++) {
        pthread_join(l->threads[i].thread, NULL);
        image_maker_free(l->threads[i].maker);
    }
    free(l->threads);
}

void loader_free(Loader *l)
{
    if (!l)
        return;
    stop_threads(l);
    pthread_cond_destroy(&l->room);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->mutex);
    pthread_mutex_destroy(&l->claim);
    for (int i = 0; i < SLOTS; i++)
        loader_slot_free(&l->slots[i]);
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
