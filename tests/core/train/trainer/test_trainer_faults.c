/* tests/core/train/trainer/test_trainer_faults.c -- a training for which the n-th large piece of
 * memory, or its thread, is not available: refused with a reason, for every n, and nothing is
 * leaked (which AddressSanitizer sees).
 *
 * The linker sends the core's calls through the __wrap_ functions below (--wrap). */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

enum { LARGE = 2048 };

// The loader's thread allocates, too.
static struct {
    atomic_bool on, hit;
    atomic_int n, seen;
} fault;

static bool fails(size_t bytes)
{
    if (!fault.on || bytes < LARGE || ++fault.seen != fault.n)
        return false;
    fault.hit = true;
    errno = ENOMEM;
    return true;
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return fails(bytes) ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return fails(bytes) ? MAP_FAILED : __real_mmap(at, bytes, protection, flags, fd, offset);
}

/* The parameters' arrays; allocations of a few bytes never fail (core/base/memory.h). */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return size == sizeof(float) && fails(count * size) ? NULL : __real_calloc(count, size);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context)
{
    return fails(LARGE) ? EAGAIN : __real_pthread_create(thread, attributes, run, context);
}

/* False once no allocation was left to fail. */
static bool run_with_a_fault(TrainConfig c, int n)
{
    Error err = {0};
    Trainer *t = NULL;
    Seen seen = {0};
    fault.on = true;
    fault.hit = false;
    fault.n = n;
    fault.seen = 0;
    const bool ok = trainer_new(&c, &t, &err) && trainer_run(t, watch, &seen, &err);
    fault.on = false;
    trainer_free(t);
    if (ok)
        return fault.hit;  // what could be done without
    assert_true(fault.hit);
    if (err.code != ERR_NO_MEMORY)
        fail_msg("allocation %d: code %d, %s", n, err.code, err.message);
    assert_int_equal(seen.ends, 0);
    return true;
}

static void count_down(TrainConfig c)
{
    int n = 1;
    // The first ones one by one, then every seventh: measuring kernels makes many that are alike.
    while (run_with_a_fault(c, n))
        n += n < 60 ? 1 : 7;
    print_message("about %d allocations\n", n);
    assert_true(n > 10);
}

static TrainConfig shortest(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
    c.epochs = 1;
    c.train_limit = 20;  // a whole batch and a rest
    c.test_limit = 8;
    c.loader_threads = 3;
    c.image_size = 20;  // tensors of half as many numbers, which are still LARGE
    return c;
}

static void memory_may_end_anywhere(void **state)
{
    count_down(shortest(*state));
}

static void memory_may_end_anywhere_with_our_own_kernels(void **state)
{
    TrainConfig c = shortest(*state);
    c.library_only = false;
    count_down(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(memory_may_end_anywhere_with_our_own_kernels),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
