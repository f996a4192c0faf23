/* tests/server/scratch.h -- a folder of its own for a test, gone at the end. */
#pragma once
#include <limits.h>

typedef struct {
    char path[PATH_MAX];
} Scratch;

Scratch scratch_new(void);
void scratch_free(Scratch *scratch);  // with all that is in it

/* "<folder>/<name>", valid until the next four calls. */
const char *scratch_path(const Scratch *scratch, const char *name);
