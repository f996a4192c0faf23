/* server/cli/input.h -- a file that an argument names, where "-" is standard input. */
#pragma once
#include <stddef.h>

#include "core/base/error.h"

/* What messages call it: "stdin", or the path itself. */
const char *input_label(const char *path);

/* All of it, as file_text and stream_text of server/base/files.h. */
bool input_text(const char *path, size_t most, char **text, size_t *length, Error *err);
