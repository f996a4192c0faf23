/* server/launch/control.h -- what a rank hears: on rank 0 the daemon's lines, on every rank that it
 * is no longer wanted.
 *
 * A thread of its own listens. When the input of rank 0 ends, or the parent of any rank (its
 * launcher, on this machine) is gone, the process ends at once, wherever it computes or waits: the
 * launcher then ends the others.
 */
#pragma once
#include <stdbool.h>

#include "core/base/error.h"

typedef struct Control Control;

/* `leads`: this is rank 0, and reads standard input. Until control_over its thread calls `alive`
 * each second, which must not wait. To be called once. ERR_NO_MEMORY: no thread. */
bool control_start(bool leads, void (*alive)(void *context), void *context, Control **control,
                   Error *err);

/* The next line that is an order or an answer, from malloc. Waits a second for it; NULL: none has
 * come. */
char *control_line(Control *control);

/* What was asked for since the last call, by "stop" and "checkpoint". */
typedef struct {
    bool stop, checkpoint;
} Asked;
Asked control_asked(Control *control);

/* The training is over, and so may be the input. `alive` is not called any more. */
void control_over(Control *control);
