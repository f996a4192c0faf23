#include "server/data/intake/layout/table_files.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/nfc.h"

/* An entry under its composed path. */
typedef struct {
    char *path;
    size_t entry;
} Named;

/* Entries by their paths read backwards: those with a common end lie together. */
struct TableFiles {
    const Listing *listing;
    Named *items;
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
    const Named *a = one, *b = other;
    const int order = compare_backwards(a->path, b->path);
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

TableFiles *table_files_new(const Listing *listing)
{
    TableFiles *files = xcalloc(1, sizeof *files);
    files->listing = listing;
    files->items = xcalloc(listing->count + 1, sizeof *files->items);
    for (size_t i = 0; i < listing->count; i++)
        files->items[i] = (Named){nfc_text(listing->entries[i].path), i};
    qsort(files->items, listing->count, sizeof *files->items, compare_paths);
    return files;
}

void table_files_free(TableFiles *files)
{
    for (size_t i = 0; i < files->listing->count; i++)
        free(files->items[i].path);
    free(files->items);
    free(files);
}

static bool ends_with(const char *path, const char *end)
{
    const size_t length = strlen(path), ends = strlen(end);
    return length >= ends && strcmp(path + length - ends, end) == 0;
}

/* The first that is not before `end`. */
static size_t lower_bound(const TableFiles *files, const char *end)
{
    size_t low = 0, high = files->listing->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_backwards(files->items[middle].path, end) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ptrdiff_t find_whole(const TableFiles *files, const char *path)
{
    const size_t at = lower_bound(files, path);
    if (at == files->listing->count || strcmp(files->items[at].path, path) != 0)
        return TABLE_FILES_NONE;
    if (at + 1 < files->listing->count && strcmp(files->items[at + 1].path, path) == 0)
        return TABLE_FILES_MANY;
    return (ptrdiff_t)files->items[at].entry;
}

static ptrdiff_t find_by_end(const TableFiles *files, const char *end)
{
    const size_t at = lower_bound(files, end);
    if (at == files->listing->count || !ends_with(files->items[at].path, end))
        return TABLE_FILES_NONE;
    if (at + 1 < files->listing->count && ends_with(files->items[at + 1].path, end))
        return TABLE_FILES_MANY;
    return (ptrdiff_t)files->items[at].entry;
}

/* `path` is composed. */
static ptrdiff_t find(const TableFiles *files, const char *folder, const char *path)
{
    char *beside = xasprintf("%s%s", folder, path);
    ptrdiff_t found = find_whole(files, beside);
    free(beside);
    if (found == TABLE_FILES_NONE)
        found = find_whole(files, path);
    if (found == TABLE_FILES_NONE) {
        char *end = xasprintf("/%s", path);
        found = find_by_end(files, end);
        free(end);
    }
    return found;
}

ptrdiff_t table_files_find(const TableFiles *files, const char *table, size_t folder,
                           const char *path)
{
    static const char *const ENDINGS[] = {"",      ".jpg", ".jpeg", ".png",
                                          ".webp", ".JPG", ".JPEG", ".PNG"};
    char *written = xasprintf("%.*s", (int)folder, table);
    char *where = nfc_text(written), *name = nfc_text(path);
    // Byte for byte first: two files may differ in nothing but how a letter is written.
    char *exact = xasprintf("%s%s", written, path);
    ptrdiff_t found = listing_find(files->listing, exact);
    free(exact);
    if (found < 0)
        found = listing_find(files->listing, path);
    for (size_t i = 0; i < COUNT(ENDINGS) && found == TABLE_FILES_NONE; i++) {
        char *whole = xasprintf("%s%s", name, ENDINGS[i]);
        found = find(files, where, whole);
        free(whole);
    }
    free(written);
    free(where);
    free(name);
    return found;
}
