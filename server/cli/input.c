#include "server/cli/input.h"

#include <string.h>

#include "server/base/files.h"

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

const char *input_label(const char *path)
{
    return is_stdin(path) ? "stdin" : path;
}

bool input_text(const char *path, size_t most, char **text, size_t *length, Error *err)
{
    return is_stdin(path) ? stream_text(stdin, input_label(path), most, text, length, err)
                          : file_text(path, most, text, length, err);
}
