/* core/base/files/write_all.h -- write(2) until all is written. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* False with errno: ENOSPC also where a write takes nothing and says no reason. */
bool write_all(int fd, const void *bytes, size_t size);
