/* core/base/threads/thread.h -- threads that leave signals to the rest of the program.
 *
 * All are blocked but those that a fault of the thread's own raises: a blocked one of these would
 * end the process at once, past any handler.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>

#include "core/base/error.h"

typedef void *ThreadRun(void *context);

/* ERR_NO_MEMORY: "start <what>: <reason>". */
bool thread_start(pthread_t *thread, ThreadRun *run, void *context, const char *what, Error *err);
