/* server/data/intake/layout/layout_unknown.c -- the sentence for a layout that is not known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/intake/layout/layout_parts.h"

enum { SHOWN_ENDINGS = 3, SHOWN_PATHS = 3, ENDING_BYTES = 10 };

typedef struct {
    char text[ENDING_BYTES];
    size_t count;
} NameEnding;

/* ".jpg" of a path; "" if it has none that is short enough to be one. */
static void ending_of(const char *path, NameEnding *ending)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    *ending = (NameEnding){.count = 1};
    if (dot && strlen(dot) < sizeof ending->text)
        memcpy(ending->text, dot, strlen(dot) + 1);
}

static int compare_text(const void *one, const void *other)
{
    return strcmp(((const NameEnding *)one)->text, ((const NameEnding *)other)->text);
}

static int compare_count(const void *one, const void *other)
{
    const NameEnding *a = one, *b = other;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return compare_text(one, other);
}

/* "9 .jpg, 2 .txt, 1 other": the most frequent endings. */
static char *endings(const Listing *listing)
{
    NameEnding *all = xcalloc(listing->count + 1, sizeof *all);
    for (size_t i = 0; i < listing->count; i++)
        ending_of(listing->entries[i].path, &all[i]);
    qsort(all, listing->count, sizeof *all, compare_text);
    size_t kinds = 0;
    for (size_t i = 0; i < listing->count; i++) {
        if (kinds > 0 && strcmp(all[kinds - 1].text, all[i].text) == 0)
            all[kinds - 1].count++;
        else
            all[kinds++] = all[i];
    }
    qsort(all, kinds, sizeof *all, compare_count);
    char text[200] = "";
    size_t length = 0, left = listing->count;
    for (size_t i = 0; i < kinds && i < SHOWN_ENDINGS; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%zu %s", i ? ", " : "",
                                   all[i].count, *all[i].text ? all[i].text : "without ending");
        left -= all[i].count;
    }
    if (left > 0)
        snprintf(text + length, sizeof text - length, ", %zu other", left);
    free(all);
    return xstrdup(text);
}

/* The first paths, each cut to a readable length. */
static char *first_paths(const Listing *listing)
{
    char text[SHOWN_PATHS * 64] = "";
    size_t length = 0;
    for (size_t i = 0; i < listing->count && i < SHOWN_PATHS; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.40s%s", i ? ", " : "",
                                   listing->entries[i].path,
                                   strlen(listing->entries[i].path) > 40 ? "..." : "");
    return xstrdup(text);
}

bool layout_unknown(const LayoutWork *work, Error *err)
{
    static const char EXPECTED[] =
        "expected is a folder per class, train/ and test/ (or val/) with a folder per class, a "
        "CSV table with the columns file and label, or the four IDX files of an MNIST-like set";
    const Listing *listing = work->listing;
    const LeftOut *left_out = listing->left_out.items;
    if (listing->count == 0 && listing->left_out.count > 0)
        return fail(
            err, ERR_INVALID,
            "%.80s has no files that could be pictures: %zu left out, first %.40s (%.60s); %s",
            source_label(work->source), listing->left_out.count, left_out->path, left_out->reason,
            EXPECTED);
    if (listing->count == 0)
        return fail(err, ERR_INVALID, "%.120s has no files that could be pictures; %s",
                    source_label(work->source), EXPECTED);
    char *kinds = endings(listing), *paths = first_paths(listing);
    fail(err, ERR_INVALID, "%.80s has %zu files (%.60s), first %.60s%s%.130s; %s",
         source_label(work->source), listing->count, kinds, paths, work->note ? "; " : "",
         work->note ? work->note : "", EXPECTED);
    free(kinds);
    free(paths);
    return false;
}
