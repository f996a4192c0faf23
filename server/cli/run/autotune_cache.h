/* server/cli/run/autotune_cache.h -- where commands keep the autotune cache of this machine. */
#pragma once
#include "core/base/error.h"

/* GOOGLENETD_KERNELS, else googlenetd/kernels.txt in the user's cache folder (XDG_CACHE_HOME, else
 * ~/.cache), whose folders are made. NULL, with the reason in *why, where there is no such place or
 * nothing can be written there: kernels are then measured anew for each run. From malloc. */
char *autotune_cache_path(Error *why);
