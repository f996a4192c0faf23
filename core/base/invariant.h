/* core/base/invariant.h -- promises inside the program that are checked in every build.
 *
 * For a bound of an array and the like, where going on would write into other memory. A check that
 * costs too much for that is an assert, which release builds leave out; what a user can cause is an
 * Error.
 */
#pragma once

/* Says which promise is broken, and aborts. */
_Noreturn void invariant_broken(const char *promise, const char *file, int line);

#define INVARIANT(promise) ((promise) ? (void)0 : invariant_broken(#promise, __FILE__, __LINE__))
