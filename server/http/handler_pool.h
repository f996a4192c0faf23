/* server/http/handler_pool.h -- threads that run handlers, so that those which serve sockets never
 * wait.
 *
 * A bounded queue and a fixed number of threads. Whoever hands work over is told at once when there
 * is no room, and never waits.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Part of a larger struct, the pool's from handler_pool_add until `run` is called. */
typedef struct Task {
    void (*run)(struct Task *task);
    struct Task *next;
} Task;

/* The struct that a task is part of: task_owner(task, offsetof(Exchange, task)). */
static inline void *task_owner(Task *task, size_t offset)
{
    return (char *)task - offset;
}

typedef struct HandlerPool HandlerPool;

/* NULL if the threads cannot be made. */
HandlerPool *handler_pool_new(int threads, int queue_max);

/* False if the queue is full or the pool has been stopped. A task that is `counted_elsewhere` comes
 * in even where the queue is full: something else bounds the number of its kind. */
bool handler_pool_add(HandlerPool *pool, Task *task, bool counted_elsewhere);

/* Take no more, run what is queued and wait for all that runs, but not longer than `seconds`. False
 * if something still runs then: the pool must not be freed. */
bool handler_pool_stop(HandlerPool *pool, double seconds);
void handler_pool_free(HandlerPool *pool);  // after a stop that was in time; takes NULL
