/* server/data/intake/layout/layout_split_folders.c -- train/ and test/, each with a folder per
 * class. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/intake/layout/layout_parts.h"

/* What the folders in the top folder are. */
typedef struct {
    int train, other_parts, others;
    bool train_has_classes;
} Parts;

static char *prefix_of(const char *top, const Child *folder)
{
    return xasprintf("%s%.*s/", top, (int)folder->length, folder->name);
}

static Parts look(const Listing *listing, const char *top, const Children *children)
{
    Parts parts = {0};
    for (size_t i = 0; i < children->count; i++) {
        const Child *child = &children->items[i];
        const LayoutPart part = part_of_word(child->name, child->length);
        if (!child->is_folder)
            continue;
        parts.train += part == PART_TRAIN;
        parts.other_parts += part == PART_TEST || part == PART_VALIDATION;
        parts.others += part == PART_NONE;
        if (part == PART_TRAIN) {
            char *prefix = prefix_of(top, child);
            Children inside = children_of(listing, prefix, strlen(prefix));
            parts.train_has_classes = parts.train_has_classes || inside.folders > 0;
            free(inside.items);
            free(prefix);
        }
    }
    return parts;
}

static void add_all(LayoutWork *work, const char *top, const Children *children)
{
    const Listing *listing = work->listing;
    for (size_t i = 0; i < listing->count; i++)
        if (strncmp(listing->entries[i].path, top, strlen(top)) != 0)
            work_leave_out(work, i, 1, "it is neither in train nor in test");
    for (size_t i = 0; i < children->count; i++) {
        const Child *child = &children->items[i];
        const LayoutPart part =
            child->is_folder ? part_of_word(child->name, child->length) : PART_NONE;
        if (part == PART_NONE) {
            work_leave_out(work, child->first, child->count, "it is neither in train nor in test");
            continue;
        }
        char *prefix = prefix_of(top, child);
        work_add_classes(work, prefix, strlen(prefix), part);
        free(prefix);
    }
}

LayoutAnswer layout_split_folders(LayoutWork *work, Error *err)
{
    char *top = layout_top(work->listing, TOP_OF_FOLDERS);
    Children children = children_of(work->listing, top, strlen(top));
    const Parts parts = look(work->listing, top, &children);
    LayoutAnswer answer = LAYOUT_NO;
    if (parts.train > 0 && parts.other_parts > 0 && parts.train_has_classes) {
        add_all(work, top, &children);
        answer = work_finish(work, err) ? LAYOUT_YES : LAYOUT_FAULT;
    } else if (parts.train > 0 && parts.other_parts > 0 && parts.others == 0) {
        // Not two classes of these names.
        work->note = xstrdup("train has no folders of classes in it");
        layout_unknown(work, err);
        answer = LAYOUT_FAULT;
    }
    free(children.items);
    free(top);
    return answer;
}
