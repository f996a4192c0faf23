/* core/base/threads/cpu.h -- what the CPU is. */
#pragma once
#include <stddef.h>

/* "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"; the architecture where it has no such name. */
void cpu_model(char *text, size_t size);

/* What tells it from others of that name: "family 25 model 17 stepping 1"; "" if unknown. */
void cpu_details(char *text, size_t size);

/* The sizes of its data caches: "32K+1024K+32768K", with 0K for one that is unknown. */
void cpu_caches(char *text, size_t size);
