/* server/unknown_variables.h -- variables of the environment that look like settings and are none.
 *
 * A key of the file that is not known is a fault. A variable cannot be: others set some that begin
 * like ours, as Kubernetes does in each pod beside a service that is called googlenetd.
 */
#pragma once

/* `meant` is the variable that may have been meant, "" if none is like it. */
typedef void (*UnknownVariable)(void *context, const char *name, const char *meant);

/* Tell of each GOOGLENETD_... that nothing reads, but for those that Kubernetes and links of
 * containers set. `environment` as environ. */
void unknown_variables(char *const *environment, UnknownVariable tell, void *context);
