/* server/base/threads/niceness.h -- how far a thread stands behind others where several want a
 * core. */
#pragma once

/* From here on the calling thread, and those that it starts, are nicer by so many steps than they
 * were, whatever the process was started with. Where the system refuses, nothing changes. */
void niceness_add(int steps);
