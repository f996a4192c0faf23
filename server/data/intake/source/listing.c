#include "server/data/intake/source/listing.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/left_out.h"

void listing_add(Listing *l, const char *path, const char *raw, int64_t size)
{
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->entries = xrealloc(l->entries, l->room, sizeof *l->entries);
    }
    l->entries[l->count] = (ListedFile){.path = xstrdup(path),
                                        .raw = raw && strcmp(raw, path) != 0 ? xstrdup(raw) : NULL,
                                        .size = size,
                                        .order = l->seen};
    const char *kept = l->entries[l->count].raw;
    l->name_bytes += kept ? (int64_t)strlen(kept) : 0;
    l->count++;
    l->total_bytes += size;
}

void listing_add_folder(Listing *l, const char *path)
{
    if (l->folder_count == l->folder_room) {
        l->folder_room = l->folder_room ? 2 * l->folder_room : 64;
        l->folders = xrealloc(l->folders, l->folder_room, sizeof *l->folders);
    }
    l->folders[l->folder_count++] = xstrdup(path);
}

static int compare_entries(const void *one, const void *other)
{
    const ListedFile *a = one, *b = other;
    const int order = strcmp(a->path, b->path);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void free_entry(ListedFile *entry)
{
    free(entry->path);
    free(entry->raw);
}

/* Of sorted entries, keeps the last with each path. */
static void keep_last(Listing *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        ListedFile *entry = &l->entries[i];
        if (i + 1 < l->count && strcmp(entry->path, l->entries[i + 1].path) == 0) {
            left_out_add(&l->left_out, LEFT_REPLACED, entry->path);
            l->total_bytes -= entry->size;
            free_entry(entry);
        } else {
            l->entries[kept++] = *entry;
        }
    }
    l->count = kept;
}

static void keep_folders_once(Listing *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->folder_count; i++) {
        if (kept > 0 && strcmp(l->folders[i], l->folders[kept - 1]) == 0)
            free(l->folders[i]);
        else
            l->folders[kept++] = l->folders[i];
    }
    l->folder_count = kept;
}

void listing_finish(Listing *l)
{
    if (l->count > 1)
        qsort(l->entries, l->count, sizeof *l->entries, compare_entries);
    keep_last(l);
    if (l->folder_count > 1)
        qsort(l->folders, l->folder_count, sizeof *l->folders, text_order);
    keep_folders_once(l);
    left_out_sort(&l->left_out);
}

static int compare_path(const void *path, const void *entry)
{
    return strcmp(path, ((const ListedFile *)entry)->path);
}

ptrdiff_t listing_find(const Listing *l, const char *path)
{
    if (l->count == 0)
        return -1;
    const ListedFile *found = bsearch(path, l->entries, l->count, sizeof *l->entries, compare_path);
    return found ? found - l->entries : -1;
}

void listing_free(Listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free_entry(&l->entries[i]);
    free(l->entries);
    for (size_t i = 0; i < l->folder_count; i++)
        free(l->folders[i]);
    free(l->folders);
    left_out_free(&l->left_out);
    *l = (Listing){0};
}
