/* A trainer of another version of this program, in place of the library's. */
#undef GOOGLENETD_VERSION
#define GOOGLENETD_VERSION "0.0.other"
#include "core/train/trainer/trainer_start.c"
