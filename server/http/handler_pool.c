#include "server/http/handler_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/threads/timed_thread.h"

struct HandlerPool {
    pthread_mutex_t lock;
    pthread_cond_t work;  // a task was queued, or the pool stops
    Task *first, *last;
    int queued, queue_max;
    bool stopping;
    TimedThread *threads;
    int thread_count;  // made, and not yet joined
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
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

HandlerPool *handler_pool_new(int threads, int queue_max)
{
    HandlerPool *pool = xcalloc(1, sizeof *pool);
    pool->queue_max = queue_max;
    pool->threads = xcalloc((size_t)threads, sizeof *pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    while (pool->thread_count < threads
           && timed_thread_start(&pool->threads[pool->thread_count], work, pool, "a handler", NULL))
        pool->thread_count++;
    if (pool->thread_count == threads)
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
    const double until = clock_seconds() + seconds;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    while (pool->thread_count > 0
           && timed_thread_join(&pool->threads[pool->thread_count - 1], until - clock_seconds()))
        pool->thread_count--;
    return pool->thread_count == 0;
}

void handler_pool_free(HandlerPool *pool)
{
    if (!pool)
        return;
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
