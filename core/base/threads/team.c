#include "core/base/threads/team.h"

#include <omp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/memory.h"

int team_limit(void)
{
    const int threads = omp_get_max_threads(), limit = omp_get_thread_limit();
    return threads < limit ? threads : limit;
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool end;
} Gate;

static void *wait_at_gate(void *context)
{
    Gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    while (!gate->end)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

/* How many of `wanted` threads the system gives at one time. libgomp ends the process when it
 * cannot start a thread, so this is asked before. */
static int threads_available(int wanted)
{
    Gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t *threads = xcalloc((size_t)wanted, sizeof *threads);
    int count = 0;
    while (count < wanted && pthread_create(&threads[count], NULL, wait_at_gate, &gate) == 0)
        count++;
    pthread_mutex_lock(&gate.lock);
    gate.end = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return count;
}

static int team_size(void)
{
    int size = 1;
#pragma omp parallel
#pragma omp single
    size = omp_get_num_threads();
    return size;
}

int team_start(int threads)
{
    // This thread's last team, whose threads wait for the next one.
    static _Thread_local int had = 1;
    const int limit = omp_get_thread_limit();
    int size = threads > 0 ? threads : team_limit();
    size = size < limit ? size : limit;
    if (size > had)
        size = had + threads_available(size - had);
    omp_set_dynamic(false);
    if (omp_get_max_active_levels() < 1)
        omp_set_max_active_levels(1);
    omp_set_num_threads(size);
    size = team_size();
    omp_set_num_threads(size);
    had = size;
    return size;
}
