#include "server/http/handler_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/thread.h"
#include "server/base/time.h"

struct HandlerPool {
    pthread_mutex_t lock;
    pthread_cond_t work;   // a task was queued, or the pool stops
    pthread_cond_t ended;  // a thread has ended
    Task *first, *last;
    int queued, queue_max;
    pthread_t *threads;
    int thread_count, running;  // made, and not yet ended
    bool stopping;
};

static Task *take_first(HandlerPool *pool)
{
    Task *task = pool->first;
    pool->first = task->next;
    pool->queued--;
    return task;
}

static void *work(void *context)
{
    HandlerPool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->stopping)
            pthread_cond_wait(&pool->work, &pool->lock);
        if (!pool->first)
            break;
        Task *task = take_first(pool);
        pthread_mutex_unlock(&pool->lock);
        task->run(task);
        pthread_mutex_lock(&pool->lock);
    }
    pool->running--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool start_thread(HandlerPool *pool)
{
    const bool ok = thread_start(&pool->threads[pool->thread_count], work, pool, "a handler", NULL);
    pool->thread_count += ok;
    pool->running += ok;
    return ok;
}

HandlerPool *handler_pool_new(int threads, int queue_max)
{
    HandlerPool *pool = xcalloc(1, sizeof *pool);
    pool->queue_max = queue_max;
    pool->threads = xcalloc((size_t)threads, sizeof *pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    cond_init_monotonic(&pool->ended);
    bool ok = true;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < threads && ok; i++)
        ok = start_thread(pool);
    pthread_mutex_unlock(&pool->lock);
    if (ok)
        return pool;
    handler_pool_stop(pool, 1);
    handler_pool_free(pool);
    return NULL;
}

bool handler_pool_add(HandlerPool *pool, Task *task, bool counted_elsewhere)
{
    pthread_mutex_lock(&pool->lock);
    const bool room = !pool->stopping && (counted_elsewhere || pool->queued < pool->queue_max);
    if (room) {
        task->next = NULL;
        if (pool->first)
            pool->last->next = task;
        else
            pool->first = task;
        pool->last = task;
        pool->queued++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

bool handler_pool_stop(HandlerPool *pool, double seconds)
{
    const struct timespec until = clock_after(seconds);
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    int waited = 0;
    while (pool->running > 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
    const bool ended = pool->running == 0;
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count && ended; i++)
        pthread_join(pool->threads[i], NULL);
    return ended;
}

void handler_pool_free(HandlerPool *pool)
{
    if (!pool)
        return;
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
