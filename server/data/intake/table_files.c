#include "server/data/intake/table_files.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* Entries by their paths read backwards: those with a common end lie together. */
struct TableFiles {
    const Listing *listing;
    const char **paths;
};

/* Compares from the end; a path that is the end of another comes first. */
static int compare_backwards(const char *a, const char *b)
{
    size_t i = strlen(a), j = strlen(b);
    while (i > 0 && j > 0) {
        i--;
        j--;
        if (a[i] != b[j])
            return (unsigned char)a[i] < (unsigned char)b[j] ? -1 : 1;
    }
    return (i > j) - (i < j);
}

static int compare_paths(const void *one, const void *other)
{
    return compare_backwards(*(const char *const *)one, *(const char *const *)other);
}

TableFiles *table_files_new(const Listing *listing)
{
    TableFiles *files = xcalloc(1, sizeof *files);
    files->listing = listing;
    files->paths = xcalloc(listing->count + 1, sizeof *files->paths);
    for (size_t i = 0; i < listing->count; i++)
        files->paths[i] = listing->entries[i].path;
    qsort(files->paths, listing->count, sizeof *files->paths, compare_paths);
    return files;
}

void table_files_free(TableFiles *files)
{
    free(files->paths);
    free(files);
}

static bool ends_with(const char *path, const char *end)
{
    const size_t length = strlen(path), ends = strlen(end);
    return length >= ends && strcmp(path + length - ends, end) == 0;
}

static ptrdiff_t find_by_end(const TableFiles *files, const char *end)
{
    size_t low = 0, high = files->listing->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_backwards(files->paths[middle], end) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == files->listing->count || !ends_with(files->paths[low], end))
        return TABLE_FILES_NONE;
    if (low + 1 < files->listing->count && ends_with(files->paths[low + 1], end))
        return TABLE_FILES_MANY;
    return listing_find(files->listing, files->paths[low]);
}

ptrdiff_t table_files_find(const TableFiles *files, const char *table, size_t folder,
                           const char *path)
{
    char *beside = xasprintf("%.*s%s", (int)folder, table, path);
    ptrdiff_t found = listing_find(files->listing, beside);
    free(beside);
    if (found < 0)
        found = listing_find(files->listing, path);
    if (found < 0) {
        char *end = xasprintf("/%s", path);
        found = find_by_end(files, end);
        free(end);
    }
    return found;
}
