/* server/data/intake/layout/layout_idx.c -- the four IDX files of an MNIST-like set. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/intake/layout/layout_parts.h"

/* The four files, each with the beginnings and the end that its name may have. */
static const struct {
    const char *splits[3];
    const char *ends[2];
    IdxKind kind;
} FILES[] = {
    {{"train"}, {"-images-idx3-ubyte", "-images.idx3-ubyte"}, IDX_IMAGES},
    {{"t10k", "test"}, {"-images-idx3-ubyte", "-images.idx3-ubyte"}, IDX_IMAGES},
    {{"train"}, {"-labels-idx1-ubyte", "-labels.idx1-ubyte"}, IDX_LABELS},
    {{"t10k", "test"}, {"-labels-idx1-ubyte", "-labels.idx1-ubyte"}, IDX_LABELS},
};

/* In `top`, plain or packed, the plain one first; -1: there is none. */
static ptrdiff_t find_file(const Listing *listing, const char *top, size_t file)
{
    static const char *const PACKED[] = {"", ".gz"};
    for (size_t s = 0; s < COUNT(FILES[file].splits) && FILES[file].splits[s]; s++)
        for (size_t e = 0; e < COUNT(FILES[file].ends); e++)
            for (size_t p = 0; p < COUNT(PACKED); p++) {
                char *path = xasprintf("%s%s%s%s", top, FILES[file].splits[s], FILES[file].ends[e],
                                       PACKED[p]);
                const ptrdiff_t found = listing_find(listing, path);
                free(path);
                if (found >= 0)
                    return found;
            }
    return -1;
}

static bool read_idx(LayoutWork *work, size_t entry, IdxKind kind, Idx *idx, Error *err)
{
    uint8_t *bytes;
    size_t size;
    if (!source_read(work->source, entry, &bytes, &size, err))
        return false;
    const bool ok = idx_parse(work->listing->entries[entry].path, bytes, size, kind, idx, err);
    free(bytes);
    return ok;
}

static bool check_pair(const Listing *listing, size_t entry, const Idx *images, const Idx *labels,
                       Error *err)
{
    return images->count == labels->count
           || fail(err, ERR_INVALID, "%s has %d images, but there are %d labels beside it",
                   listing->entries[entry].path, images->count, labels->count);
}

static void add_items(Layout *l, size_t entry, const Idx *labels, IntakeSplit split)
{
    l->items = xrealloc(l->items, l->item_count + (size_t)labels->count, sizeof *l->items);
    for (int i = 0; i < labels->count; i++) {
        l->items[l->item_count++] = (LayoutItem){entry, i, labels->data[i], split};
        if (labels->data[i] >= l->class_count)
            l->class_count = labels->data[i] + 1;
    }
    l->item_room = l->item_count;
}

/* Classes are numbers, which stay what they are: those that never occur are classes, too. */
static bool name_classes(LayoutWork *work, Error *err)
{
    Layout *l = work->layout;
    const int count = l->class_count;
    bool *occurs = xcalloc((size_t)count + 1, sizeof *occurs);
    for (size_t i = 0; i < l->item_count; i++)
        occurs[l->items[i].label] = true;
    l->classes = xcalloc((size_t)count, sizeof *l->classes);
    for (int i = 0; i < count; i++) {
        l->classes[i] = xasprintf("%d", i);
        if (!occurs[i])
            work_warn(work, "empty_class", "no label is %d, the number of a class", i);
    }
    free(occurs);
    return count >= 2
           || fail(err, ERR_INVALID, "%.200s has labels of one class; at least two are needed",
                   source_label(work->source));
}

static bool take(LayoutWork *work, const size_t entries[4], Error *err)
{
    Layout *l = work->layout;
    Idx labels[2] = {{0}, {0}};
    bool ok = true;
    for (size_t i = 0; ok && i < 2; i++)
        ok = read_idx(work, entries[i], IDX_IMAGES, &l->images[i], err)
             && read_idx(work, entries[2 + i], IDX_LABELS, &labels[i], err)
             && check_pair(work->listing, entries[i], &l->images[i], &labels[i], err);
    if (ok
        && (l->images[0].height != l->images[1].height || l->images[0].width != l->images[1].width))
        ok = fail(err, ERR_INVALID, "%s has images of %d x %d pixels, want %d x %d as in %s",
                  work->listing->entries[entries[1]].path, l->images[1].height, l->images[1].width,
                  l->images[0].height, l->images[0].width, work->listing->entries[entries[0]].path);
    // Items come in the order of their files.
    const size_t first = entries[0] < entries[1] ? 0 : 1;
    for (size_t k = 0; ok && k < 2; k++) {
        const size_t i = k == 0 ? first : 1 - first;
        add_items(l, entries[i], &labels[i], i == 0 ? INTAKE_TRAIN : INTAKE_TEST);
    }
    l->has_split = true;
    idx_free(&labels[0]);
    idx_free(&labels[1]);
    return ok && name_classes(work, err);
}

LayoutAnswer layout_idx(LayoutWork *work, Error *err)
{
    char *top = layout_top(work->listing, TOP_OF_TABLES);
    ptrdiff_t found[COUNT(FILES)];
    size_t entries[COUNT(FILES)], count = 0, missing = 0;
    for (size_t i = 0; i < COUNT(FILES); i++) {
        found[i] = find_file(work->listing, top, i);
        entries[i] = found[i] >= 0 ? (size_t)found[i] : 0;
        count += found[i] >= 0;
        missing = found[i] < 0 ? i : missing;
    }
    free(top);
    if (count == 0)
        return LAYOUT_NO;
    if (count < COUNT(FILES)) {
        fail(err, ERR_INVALID,
             "%.200s has %zu of the four IDX files of an MNIST-like set: %s%s is missing",
             source_label(work->source), count, FILES[missing].splits[0], FILES[missing].ends[0]);
        return LAYOUT_FAULT;
    }
    for (size_t i = 0; i < work->listing->count; i++)
        if (i != entries[0] && i != entries[1] && i != entries[2] && i != entries[3])
            work_leave_out(work, i, 1, "it is not one of the four IDX files");
    return take(work, entries, err) ? LAYOUT_YES : LAYOUT_FAULT;
}
