/* tests/core/data/loader/test_loader.c -- the order, the values, the ends and the stops of the
 * loader. */
#include "core/data/loader/loader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/numbers/rng.h"
#include "core/data/augment/mixup.h"
#include "core/data/resize.h"
#include "tests/check.h"

enum { EXAMPLES = 50, HEIGHT = 6, WIDTH = 7, CHANNELS = 3, CLASSES = 11 };

static uint8_t pixel(int example, size_t i)
{
    Rng rng = rng_new(1, RNG_TEST, (uint64_t)example * 1000 + i);
    return (uint8_t)rng_below(&rng, 256);
}

/* A set made of numbers; labels alone tell examples apart only by class, pixels fully. */
static Dataset *make_dataset(void)
{
    const size_t bytes = HEIGHT * WIDTH * CHANNELS;
    uint8_t *pixels = xcalloc(EXAMPLES, bytes);
    uint16_t *labels = xcalloc(EXAMPLES, sizeof *labels);
    for (int e = 0; e < EXAMPLES; e++) {
        labels[e] = (uint16_t)(e % CLASSES);
        for (size_t i = 0; i < bytes; i++)
            pixels[(size_t)e * bytes + i] = pixel(e, i);
    }
    Dataset *d = xcalloc(1, sizeof *d);
    *d = (Dataset){.name = "made up",
                   .image = {CHANNELS, HEIGHT, WIDTH},
                   .classes = CLASSES,
                   .train = {EXAMPLES, pixels, labels}};
    return d;
}

static void free_dataset(Dataset *d)
{
    free((void *)d->train.pixels);
    free((void *)d->train.labels);
    free(d);
}

static Loader *start(const Dataset *d, LoaderConfig config)
{
    Error err = {0};
    Loader *l;
    CHECK_OK(loader_new(d, &d->train, config, &l, &err), err);
    return l;
}

/* The example that a batch has at place `i`, found by making each example's image and label the
 * plain way and comparing all of it; -1 if none is equal. */
static int find_example(const Dataset *d, const Batch *batch, int i, int side)
{
    const size_t area = (size_t)(side * side), floats = area * CHANNELS;
    const size_t row_bytes = (size_t)d->image.width * CHANNELS;
    uint8_t *resized = xcalloc(floats, 1);
    Resize *r = resize_new(d->image, side);
    int found = -1;
    for (int e = 0; e < EXAMPLES && found < 0; e++) {
        const Picture picture = {d->train.pixels + (size_t)e * shape_count(d->image), row_bytes,
                                 d->image.height, d->image.width, CHANNELS};
        resize_picture(r, &picture, resized);
        const float *image = batch->images + (size_t)i * floats;
        size_t equal = 0;
        for (size_t c = 0; c < CHANNELS; c++)
            for (size_t k = 0; k < area; k++)
                equal += image[c * area + k] == (float)resized[k * CHANNELS + c] / 255.0f;
        if (equal == floats && batch->labels[i] == d->train.labels[e])
            found = e;
    }
    resize_free(r);
    free(resized);
    return found;
}

/* Take one whole epoch from its first batch and write down its examples. */
static void take_epoch(Loader *l, const Dataset *d, int64_t epoch, LoaderConfig config,
                       int *examples)
{
    int taken = 0;
    const int64_t batches = loader_batches_per_epoch(l);
    for (int64_t b = 0; b < batches; b++) {
        const Batch *batch = loader_next(l);
        assert_int_equal(batch->epoch, epoch);
        assert_int_equal(batch->index, b);
        assert_int_equal(batch->last, b == batches - 1);
        for (int i = 0; i < batch->count; i++)
            examples[taken++] = find_example(d, batch, i, config.image_size);
    }
    assert_int_equal(taken, loader_examples(l));
}

static void stored_order_and_every_value(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    const LoaderConfig config = {.batch_size = 16, .image_size = 9};
    Loader *l = start(d, config);
    assert_int_equal(loader_batches_per_epoch(l), 4);
    assert_int_equal(loader_examples(l), EXAMPLES);
    int examples[EXAMPLES];
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        take_epoch(l, d, epoch, config, examples);
        for (int i = 0; i < EXAMPLES; i++)
            assert_int_equal(examples[i], i);
    }
    loader_free(l);
    free_dataset(d);
}

static void an_epoch_is_a_permutation_of_its_own(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    const LoaderConfig config = {.batch_size = 8, .image_size = 5, .shuffle = true, .seed = 3};
    Loader *l = start(d, config);
    int epochs[3][EXAMPLES];
    for (int64_t e = 0; e < 3; e++) {
        take_epoch(l, d, e, config, epochs[e]);
        bool seen[EXAMPLES] = {false};
        int32_t want[EXAMPLES];
        for (int i = 0; i < EXAMPLES; i++) {
            assert_in_range(epochs[e][i], 0, EXAMPLES - 1);
            assert_false(seen[epochs[e][i]]);
            seen[epochs[e][i]] = true;
            want[i] = i;
        }
        Rng rng = rng_new(3, RNG_ORDER, (uint64_t)e);
        rng_shuffle(&rng, want, EXAMPLES);
        for (int i = 0; i < EXAMPLES; i++)
            assert_int_equal(epochs[e][i], want[i]);
    }
    assert_memory_not_equal(epochs[0], epochs[1], sizeof epochs[0]);
    assert_memory_not_equal(epochs[1], epochs[2], sizeof epochs[0]);
    loader_free(l);
    free_dataset(d);
}

static void the_last_batch_is_smaller(void **state)
{
    (void)state;
    static const struct {
        int batch_size, limit, batches, last;
    } SIZES[] = {{16, 0, 4, 2},  {25, 0, 2, 25}, {1, 3, 3, 1},  {50, 0, 1, 50},
                 {64, 0, 1, 50}, {8, 17, 3, 1},  {8, 16, 2, 8}, {8, 99, 7, 2}};
    Dataset *d = make_dataset();
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        const LoaderConfig config = {.batch_size = SIZES[s].batch_size,
                                     .image_size = 4,
                                     .limit = SIZES[s].limit,
                                     .shuffle = true};
        Loader *l = start(d, config);
        assert_int_equal(loader_batches_per_epoch(l), SIZES[s].batches);
        for (int b = 0; b < SIZES[s].batches; b++) {
            const Batch *batch = loader_next(l);
            const bool last = b == SIZES[s].batches - 1;
            assert_int_equal(batch->last, last);
            assert_int_equal(batch->count, last ? SIZES[s].last : SIZES[s].batch_size);
        }
        assert_int_equal(loader_next(l)->epoch, 1);
        loader_free(l);
    }
    free_dataset(d);
}

/* The other batches stay as they are. */
static void a_last_batch_of_one_can_be_left_out(void **state)
{
    (void)state;
    static const struct {
        int batch_size, limit, batches, last;
    } SIZES[] = {{8, 17, 2, 8}, {8, 18, 3, 2}, {7, 0, 7, 7}, {1, 3, 3, 1}};
    Dataset *d = make_dataset();
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        LoaderConfig config = {.batch_size = SIZES[s].batch_size,
                               .image_size = 4,
                               .limit = SIZES[s].limit,
                               .shuffle = true};
        Loader *all = start(d, config);
        config.drop_single = true;
        Loader *l = start(d, config);
        assert_int_equal(loader_batches_per_epoch(l), SIZES[s].batches);
        for (int b = 0; b < SIZES[s].batches; b++) {
            const Batch *batch = loader_next(l), *same = loader_next(all);
            const bool last = b == SIZES[s].batches - 1;
            assert_int_equal(batch->last, last);
            assert_int_equal(batch->count, last ? SIZES[s].last : SIZES[s].batch_size);
            assert_memory_equal(batch->labels, same->labels,
                                (size_t)batch->count * sizeof *batch->labels);
        }
        const Batch *next = loader_next(l);
        assert_int_equal(next->epoch, 1);
        assert_int_equal(next->index, 0);
        loader_free(all);
        loader_free(l);
    }
    Error err;
    Loader *none = NULL;
    const LoaderConfig one = {.batch_size = 8, .image_size = 4, .limit = 1, .drop_single = true};
    CHECK_REFUSED(loader_new(d, &d->train, one, &none, &err), err, ERR_INVALID,
                  "the split has one example, which makes no batch");
    free_dataset(d);
}

static void a_limit_takes_the_first_examples(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    const LoaderConfig config = {.batch_size = 8, .image_size = 6, .limit = 13, .shuffle = true};
    Loader *l = start(d, config);
    int examples[13];
    take_epoch(l, d, 0, config, examples);
    bool seen[13] = {false};
    for (int i = 0; i < 13; i++) {
        assert_in_range(examples[i], 0, 12);
        assert_false(seen[examples[i]]);
        seen[examples[i]] = true;
    }
    loader_free(l);
    free_dataset(d);
}

static void check_equal_batches(const Batch *a, const Batch *b, size_t image_floats)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->last, b->last);
    assert_memory_equal(a->images, b->images, (size_t)a->count * image_floats * sizeof(float));
    assert_memory_equal(a->labels, b->labels, (size_t)a->count * sizeof(int32_t));
}

/* One loader runs through; at every batch another starts there and must give the same. */
static void resumes_anywhere_with_equal_batches(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    LoaderConfig config = {
        .batch_size = 8, .image_size = 8, .limit = 30, .shuffle = true, .seed = 9};
    Loader *through = start(d, config);
    for (int step = 0; step < 10; step++) {
        const Batch *want = loader_next(through);
        config.first_epoch = want->epoch;
        config.first_batch = want->index;
        Loader *resumed = start(d, config);
        check_equal_batches(loader_next(resumed), want, 8 * 8 * CHANNELS);
        loader_free(resumed);
    }
    // And on across the end of an epoch, with the position of the batch that comes next.
    config.first_epoch = 2;
    config.first_batch = 2;
    Loader *resumed = start(d, config);
    for (int step = 0; step < 6; step++)
        check_equal_batches(loader_next(resumed), loader_next(through), 8 * 8 * CHANNELS);
    loader_free(resumed);
    loader_free(through);
    free_dataset(d);
}

/* A lent batch must not change while the thread works ahead, however long it is held. */
static void a_batch_stays_until_the_next_call(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    Loader *l = start(d, (LoaderConfig){.batch_size = 4, .image_size = 16, .shuffle = true});
    const size_t bytes = 4 * 16 * 16 * CHANNELS * sizeof(float);
    float *copy = xcalloc(bytes, 1);
    for (int step = 0; step < 20; step++) {
        const Batch *batch = loader_next(l);
        const size_t size = bytes / 4 * (size_t)batch->count;
        memcpy(copy, batch->images, size);
        usleep(2000);
        assert_memory_equal(copy, batch->images, size);
        assert_int_equal((uintptr_t)batch->images % 64, 0);
    }
    free(copy);
    loader_free(l);
    free_dataset(d);
}

static void stops_at_any_moment(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    for (int batches = 0; batches < 6; batches++)
        for (unsigned pause_us = 0; pause_us <= 400; pause_us += 100) {
            Loader *l = start(d, (LoaderConfig){.batch_size = 10,
                                                .image_size = 64,
                                                .shuffle = true,
                                                .threads = 1 + batches});
            for (int b = 0; b < batches; b++)
                loader_next(l);
            usleep(pause_us);
            loader_free(l);
        }
    loader_free(NULL);
    free_dataset(d);
}

static void two_loaders_do_not_disturb_each_other(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    const LoaderConfig a = {.batch_size = 7, .image_size = 8, .shuffle = true, .seed = 1};
    const LoaderConfig b = {.batch_size = 16, .image_size = 5};
    Loader *first = start(d, a), *second = start(d, b), *alone = start(d, a);
    int stored[EXAMPLES];
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        for (int64_t i = 0; i < loader_batches_per_epoch(first); i++)
            check_equal_batches(loader_next(first), loader_next(alone), 8 * 8 * CHANNELS);
        take_epoch(second, d, epoch, b, stored);
        for (int i = 0; i < EXAMPLES; i++)
            assert_int_equal(stored[i], i);
    }
    loader_free(first);
    loader_free(second);
    loader_free(alone);
    free_dataset(d);
}

/* Everything that may happen to a picture. */
static LoaderConfig augmented(void)
{
    return (LoaderConfig){.batch_size = 8,
                          .image_size = 8,
                          .progressive = {4, 2, 2},
                          .augmentation = {.crop_padding = 2,
                                           .resized_crop = {true, {0.4, 1}, {0.75, 4.0 / 3}},
                                           .flip = FLIP_ALTERNATE,
                                           .erasing = {0.5, {0.05, 0.3}, {0.3, 3.3}},
                                           .mixup = 0.4},
                          .normalization = {3, {0.4, 0.5, 0.6}, {0.2, 0.3, 0.4}},
                          .limit = 30,
                          .shuffle = true,
                          .seed = 9};
}

static void resumes_anywhere_with_all_augmentations(void **state)
{
    (void)state;
    static const int SIDES[] = {4, 6, 8, 8};
    Dataset *d = make_dataset();
    LoaderConfig config = augmented();
    Loader *through = start(d, config);
    for (int step = 0; step < 16; step++) {
        const Batch *want = loader_next(through);
        assert_int_equal(want->image_size, SIDES[step / 4]);
        config.first_epoch = want->epoch;
        config.first_batch = want->index;
        Loader *resumed = start(d, config);
        const Batch *got = loader_next(resumed);
        const size_t side = (size_t)want->image_size;
        check_equal_batches(got, want, side * side * CHANNELS);
        assert_int_equal(got->image_size, want->image_size);
        assert_true(got->share == want->share && want->share < 1);
        assert_memory_equal(got->mixed_labels, want->mixed_labels,
                            (size_t)want->count * sizeof(int32_t));
        loader_free(resumed);
    }
    loader_free(through);
    free_dataset(d);
}

/* Whoever makes a picture: equal bits. Sizes change and epochs end while several are at work. */
static void any_number_of_threads_gives_equal_batches(void **state)
{
    (void)state;
    static const int THREADS[] = {2, 3, 7, 32};
    Dataset *d = make_dataset();
    for (size_t i = 0; i < COUNT(THREADS); i++) {
        LoaderConfig config = augmented();
        Loader *one = start(d, config);
        config.threads = THREADS[i];
        Loader *many = start(d, config);
        for (int step = 0; step < 40; step++) {
            const Batch *want = loader_next(one), *got = loader_next(many);
            const size_t side = (size_t)want->image_size;
            assert_int_equal(got->image_size, want->image_size);
            check_equal_batches(got, want, side * side * CHANNELS);
            assert_true(got->share == want->share);
            assert_memory_equal(got->mixed_labels, want->mixed_labels,
                                (size_t)want->count * sizeof(int32_t));
        }
        loader_free(one);
        loader_free(many);
    }
    free_dataset(d);
}

/* An image of an epoch is a matter of its example alone: neither batch size nor place count. */
static void a_picture_is_the_same_in_every_batch(void **state)
{
    (void)state;
    enum { SIDE = 8, FLOATS = SIDE * SIDE * CHANNELS };
    Dataset *d = make_dataset();
    LoaderConfig config = augmented();
    config.progressive = (Progressive){0};
    config.augmentation.mixup = 0;
    config.limit = 0;
    Loader *small = start(d, config);
    config.batch_size = EXAMPLES;
    Loader *large = start(d, config);
    float first[EXAMPLES][FLOATS];
    for (int epoch = 0; epoch < 2; epoch++) {
        const Batch *all = loader_next(large);
        for (int taken = 0; taken < EXAMPLES;) {
            const Batch *part = loader_next(small);
            assert_memory_equal(part->images, all->images + (size_t)taken * FLOATS,
                                (size_t)part->count * FLOATS * sizeof(float));
            taken += part->count;
        }
        if (epoch == 0)
            memcpy(first, all->images, sizeof first);
    }
    // As stored, without the shuffle: each at its own place, but in another epoch another picture.
    config.shuffle = false;
    Loader *stored = start(d, config);
    const Batch *batch = loader_next(stored);
    int32_t order[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++)
        order[i] = i;
    Rng rng = rng_new(config.seed, RNG_ORDER, 0);
    rng_shuffle(&rng, order, EXAMPLES);
    for (int i = 0; i < EXAMPLES; i++)
        assert_memory_equal(first[i], batch->images + (size_t)order[i] * FLOATS, sizeof first[i]);
    assert_memory_not_equal(loader_next(stored)->images + FLOATS * (size_t)order[0], first[0],
                            sizeof first[0]);
    loader_free(small);
    loader_free(large);
    loader_free(stored);
    free_dataset(d);
}

static void mixed_batches_are_mixtures(void **state)
{
    (void)state;
    enum { SIDE = 8, FLOATS = SIDE * SIDE * CHANNELS };
    Dataset *d = make_dataset();
    LoaderConfig config = augmented();
    config.progressive = (Progressive){0};
    Loader *mixed = start(d, config);
    config.augmentation.mixup = 0;
    Loader *pure = start(d, config);
    for (int step = 0; step < 8; step++) {
        const Batch *m = loader_next(mixed), *p = loader_next(pure);
        const DrawKey key = {config.seed, m->epoch, m->index};
        int32_t partners[8];
        const double share = mixup_draw(0.4, &key, m->count, partners);
        assert_true(m->share == share && p->share == 1);
        assert_null(p->mixed_labels);
        assert_memory_equal(m->labels, p->labels, (size_t)p->count * sizeof(int32_t));
        for (int i = 0; i < m->count; i++) {
            assert_int_equal(m->mixed_labels[i], p->labels[partners[i]]);
            for (int k = 0; k < FLOATS; k++)
                CHECK_NEAR(m->images[i * FLOATS + k],
                           share * p->images[i * FLOATS + k]
                               + (1 - share) * p->images[partners[i] * FLOATS + k],
                           1e-5);
        }
    }
    loader_free(mixed);
    loader_free(pure);
    free_dataset(d);
}

static void normalises_each_channel(void **state)
{
    (void)state;
    enum { SIDE = 5, AREA = SIDE * SIDE };
    Dataset *d = make_dataset();
    LoaderConfig config = {.batch_size = EXAMPLES, .image_size = SIDE};
    Loader *plain = start(d, config);
    config.normalization = augmented().normalization;
    Loader *normalised = start(d, config);
    const float *from = loader_next(plain)->images, *to = loader_next(normalised)->images;
    for (int i = 0; i < EXAMPLES * CHANNELS * AREA; i++) {
        const int c = i / AREA % CHANNELS;
        const float want = (from[i] - (float)config.normalization.mean[c])
                           / (float)config.normalization.deviation[c];
        assert_true(to[i] == want);
    }
    loader_free(plain);
    loader_free(normalised);
    free_dataset(d);
}

static void takes_the_examples_that_are_listed(void **state)
{
    (void)state;
    Dataset *d = make_dataset();
    int32_t listed[] = {3, 7, 8, 21, 48, 49};
    const LoaderConfig config = {
        .batch_size = 4, .image_size = 6, .examples = listed, .example_count = COUNT(listed)};
    Loader *l = start(d, config);
    listed[0] = 5;  // the list is copied
    int examples[COUNT(listed)];
    take_epoch(l, d, 0, config, examples);
    assert_int_equal(examples[0], 3);
    for (size_t i = 1; i < COUNT(listed); i++)
        assert_int_equal(examples[i], listed[i]);
    loader_free(l);
    free_dataset(d);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const struct {
        LoaderConfig config;
        ErrorCode code;
        const char *want;
    } FAULTS[] = {
        {{.batch_size = 0, .image_size = 8}, ERR_INVALID, "batch_size must be at least 1, got 0"},
        {{.batch_size = 8, .image_size = -1}, ERR_INVALID, "image_size must be at least 1, got -1"},
        {{.batch_size = 8, .image_size = 8, .threads = 257},
         ERR_INVALID,
         "loader_threads must be 0 to 256, got 257"},
        {{.batch_size = 8, .image_size = 8, .limit = -2},
         ERR_INVALID,
         "limit must be at least 0, got -2"},
        {{.batch_size = 8, .image_size = 8, .first_epoch = 1, .first_batch = 7},
         ERR_INVALID,
         "batch 7 of epoch 1 does not exist: an epoch has 7 batches"},
        {{.batch_size = 8, .image_size = 8, .first_batch = -1},
         ERR_INVALID,
         "batch -1 of epoch 0 does not exist: an epoch has 7 batches"},
        {{.batch_size = 8, .image_size = 8, .normalization = {1, {0.5}, {0.5}}},
         ERR_INVALID,
         "normalization is of 1 channels, the pictures have 3"},
        {{.batch_size = 8, .image_size = 8, .progressive = {9, 1, 1}},
         ERR_INVALID,
         "progressive_resizing.from must be 0 to the image_size 8, got 9"},
        {{.batch_size = 8, .image_size = 8, .augmentation = {.crop_padding = 6}},
         ERR_INVALID,
         "augmentation.crop_padding must be 0 to 5 for pictures of 6 x 7, got 6"},
        {{.batch_size = 8, .image_size = INT32_MAX},
         ERR_NO_MEMORY,
         "no memory for 3 batches of 8 images of 2147483647 x 2147483647 pixels: 1266637394018304 "
         "MB are needed"},
    };
    Dataset *d = make_dataset();
    Error err;
    Loader *l;
    for (size_t i = 0; i < COUNT(FAULTS); i++)
        CHECK_REFUSED(loader_new(d, &d->train, FAULTS[i].config, &l, &err), err, FAULTS[i].code,
                      FAULTS[i].want);
    const LoaderConfig config = {.batch_size = 8, .image_size = 8};
    CHECK_REFUSED(loader_new(d, &d->test, config, &l, &err), err, ERR_INVALID,
                  "the split has no examples");
    free_dataset(d);
}

/* A third of each batch, from a place that moves with its size. */
static void middle(const void *context, int count, int *first, int *end)
{
    assert_int_equal(*(const int *)context, 42);
    *first = count / 3;
    *end = 2 * count / 3;
}

static void images_that_are_not_wanted_are_not_made(void **state)
{
    (void)state;
    enum { SIDE = 9, IMAGE = SIDE * SIDE * CHANNELS };
    const int answer = 42;
    Dataset *d = make_dataset();
    LoaderConfig c = {.batch_size = 12, .image_size = SIDE, .shuffle = true, .seed = 3};
    Loader *all = start(d, c);
    c.wanted = middle;
    c.wanted_context = &answer;
    c.threads = 2;
    Loader *some = start(d, c);
    c.augmentation.mixup = 0.4;
    Loader *mixed = start(d, c);
    c.wanted = NULL;
    Loader *all_mixed = start(d, c);
    for (int b = 0; b < 7; b++) {
        const Batch *want = loader_next(all), *got = loader_next(some);
        assert_int_equal(got->count, want->count);
        assert_memory_equal(got->labels, want->labels, (size_t)want->count * sizeof(int32_t));
        for (int i = 0; i < want->count; i++) {
            const size_t at = (size_t)i * IMAGE;
            const bool wanted = i >= want->count / 3 && i < 2 * want->count / 3;
            assert_int_equal(
                memcmp(got->images + at, want->images + at, IMAGE * sizeof(float)) == 0, wanted);
        }
        want = loader_next(all_mixed);
        got = loader_next(mixed);
        assert_memory_equal(got->images, want->images, (size_t)want->count * IMAGE * sizeof(float));
    }
    loader_free(all);
    loader_free(some);
    loader_free(mixed);
    loader_free(all_mixed);
    free_dataset(d);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_order_and_every_value),
        cmocka_unit_test(an_epoch_is_a_permutation_of_its_own),
        cmocka_unit_test(the_last_batch_is_smaller),
        cmocka_unit_test(a_last_batch_of_one_can_be_left_out),
        cmocka_unit_test(a_limit_takes_the_first_examples),
        cmocka_unit_test(resumes_anywhere_with_equal_batches),
        cmocka_unit_test(a_batch_stays_until_the_next_call),
        cmocka_unit_test(stops_at_any_moment),
        cmocka_unit_test(two_loaders_do_not_disturb_each_other),
        cmocka_unit_test(resumes_anywhere_with_all_augmentations),
        cmocka_unit_test(any_number_of_threads_gives_equal_batches),
        cmocka_unit_test(a_picture_is_the_same_in_every_batch),
        cmocka_unit_test(mixed_batches_are_mixtures),
        cmocka_unit_test(normalises_each_channel),
        cmocka_unit_test(takes_the_examples_that_are_listed),
        cmocka_unit_test(images_that_are_not_wanted_are_not_made),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return RUN_TESTS(tests);
}
