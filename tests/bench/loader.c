/* tests/bench/loader.c -- what a batch costs the loader's threads: CPU milliseconds for 128 images,
 * plain and with each augmentation, and the images per second of the clock.
 *
 *     bench_loader [IMAGE_SIZE [DATASET [THREADS]]]      else 96, fashion_mnist, one
 */
#include "core/data/loader/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum { ROUNDS = 9, BATCHES = 20 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of this process, whose other thread only waits. */
static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The median of the rounds; negative if it cannot be. */
static double batch_ms(const Dataset *d, LoaderConfig config, double *images_per_second)
{
    double times[ROUNDS];
    Error err = {0};
    Loader *l;
    if (!loader_new(d, &d->train, config, &l, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    int64_t images = 0;
    const double begin = clock_seconds();
    for (int round = 0; round < ROUNDS; round++) {
        const double start = cpu_ms();
        for (int b = 0; b < BATCHES; b++)
            images += loader_next(l)->count;
        times[round] = (cpu_ms() - start) / BATCHES;
    }
    *images_per_second = (double)images / (clock_seconds() - begin);
    loader_free(l);
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    Error err = {0};
    Dataset *d;
    if (!dataset_open(argc > 2 ? argv[2] : "fashion_mnist", NULL, &d, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const LoaderConfig plain = {.batch_size = 128,
                                .image_size = argc > 1 ? atoi(argv[1]) : 96,
                                .shuffle = true,
                                .threads = argc > 3 ? atoi(argv[3]) : 1};
    struct {
        const char *name;
        LoaderConfig config;
    } rows[] = {{"nothing", plain},     {"normalisation", plain},
                {"padded crop", plain}, {"resized crop", plain},
                {"flip", plain},        {"erasing", plain},
                {"mixup", plain},       {"crops and flips", plain},
                {"all of them", plain}};
    const int all = COUNT(rows) - 1;
    for (int i = 1; i <= all; i++) {
        LoaderConfig *c = &rows[i].config;
        if (i == 1 || i >= all - 1)
            c->normalization =
                (Normalization){d->image.channels, {0.286, 0.286, 0.286}, {0.353, 0.353, 0.353}};
        if (i == 2 || i == all)
            c->augmentation.crop_padding = 2;
        if (i == 3 || i >= all - 1)
            c->augmentation.resized_crop = (ResizedCrop){true, {0.08, 1}, {0.75, 4.0 / 3}};
        if (i == 4 || i >= all - 1)
            c->augmentation.flip = FLIP_RANDOM;
        if (i == 5 || i == all)
            c->augmentation.erasing = (Erasing){0.5, {0.02, 0.33}, {0.3, 3.3}};
        if (i == 6 || i == all)
            c->augmentation.mixup = 0.2;
    }
    for (int i = 0; i <= all; i++) {
        double speed = 0;
        const double ms = batch_ms(d, rows[i].config, &speed);
        printf("%-18s %6.2f ms  %8.0f images/s\n", rows[i].name, ms, speed);
    }
    dataset_free(d);
    return 0;
}
