/* server/data/intake/source/listing.h -- what a folder or an archive holds: paths and sizes, no
 * bytes.
 *
 * Paths are relative, separated by "/", without "." or "..", and are UTF-8 without control
 * characters whatever the names were (server/data/intake/path_text.h). They are sorted bytewise,
 * whatever order they came in, and each is there once. They never reach the file system.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that is there and is not used. No file is left out without such a row. */
typedef struct {
    char *path;
    const char *code;  // a literal for programs: "link", "system_file", ... see left_out.h
    char *reason;      // a sentence without a full stop: "a symbolic link; links are not followed"
} LeftOut;

typedef struct {
    LeftOut *items;
    size_t count, room;
} LeftOutList;

typedef struct {
    char *path;
    char *raw;     // the name in the folder where it differs from the path; NULL: the same
    int64_t size;  // bytes that the folder or archive promises
    size_t order;  // place among all that came
} ListedFile;

typedef struct {
    ListedFile *entries;  // files that may be pictures or tables, sorted by path
    size_t count, room;
    char **folders;  // every folder named, sorted, each once; also those without files
    size_t folder_count, folder_room;
    LeftOutList left_out;  // sorted by path
    int64_t total_bytes;
    int64_t name_bytes;  // of all names that are kept, also of what is left out
    size_t seen;         // entries of any kind, for the limit
} Listing;

/* Add one that came. Copies `path` and `raw`. */
void listing_add(Listing *listing, const char *path, const char *raw, int64_t size);
void listing_add_folder(Listing *listing, const char *path);

/* Sort, and keep the last of entries with one path; the others are left out. */
void listing_finish(Listing *listing);

/* The index of the entry with this path; -1: there is none. */
ptrdiff_t listing_find(const Listing *listing, const char *path);
void listing_free(Listing *listing);
