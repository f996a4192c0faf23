/* server/base/threads/stacks.h -- the stacks of this process's threads.
 *
 * Without a word the C library gives a new thread as much as `ulimit -s` allows the first one,
 * which may be 64 KiB, or 8 MiB for each of a hundred; libgomp and libmicrohttpd make threads like
 * that.
 */
#pragma once
#include "core/base/error.h"

/* Give threads that are made from now on a stack of one size, whatever the limit is, and let that
 * of this thread, the first, grow to it as far as its hard limit allows. ERR_INVALID: that is too
 * little to work with. */
bool stacks_prepare(Error *err);
