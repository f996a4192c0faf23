/* server/cli/kernels_file.h -- where commands keep which kernels are the fastest on this machine.
 */
#pragma once

/* GOOGLENETD_KERNELS, else googlenetd/kernels.txt in the user's cache folder (XDG_CACHE_HOME, else
 * ~/.cache), whose folders are made. NULL where there is no such place. From malloc. */
char *kernels_file(void);
