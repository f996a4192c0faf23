/* server/base/process_memory.h -- the memory of this process, in bytes; 0: not known. */
#pragma once
#include <stdint.h>

uint64_t process_mapped_bytes(void);    // its address space, which RLIMIT_AS limits
uint64_t process_resident_bytes(void);  // what of it is in memory now
