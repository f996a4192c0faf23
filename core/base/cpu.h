/* core/base/cpu.h -- what the CPU is called. */
#pragma once
#include <stddef.h>

/* "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"; the architecture where it has no such name. */
void cpu_model(char *text, size_t size);
