/* server/data/intake/limits.h -- how much a folder or an archive may bring.
 *
 * Beyond the first five, all of it is refused: the message names the limit, what it is and where it
 * was passed. One entry that is too large, too deep or too long in its name is left out and
 * reported.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t total_bytes;  // of all files together, unpacked
    int64_t entries;      // files, folders and whatever else is listed, also what is left out
    int64_t name_bytes;   // of the names of all these together, which stand in memory
    int64_t expansion;  // times the size of the archive file that its contents may have, at least 1
    int64_t free_bytes;   // contents that no expansion is held against
    int64_t entry_bytes;  // of one file
    int path_depth;       // names in a path
    int path_bytes;       // of a path, as UTF-8
} IntakeLimits;

/* How a source is read. */
typedef struct {
    const IntakeLimits *limits;  // NULL: the default ones
    const char *label;           // what messages call it; NULL: its path
    bool no_links;  // its path was resolved: a link in it was put there since, and is refused
    bool (*go_on)(void *context);  // NULL, or asked often while much is read
    void *context;
} SourceOptions;

/* 256 GiB, 2 million entries, 256 MiB of names, 100 times beyond 16 MiB; 512 MiB, 16 names, 1,024
 * bytes. */
IntakeLimits intake_limits_default(void);
