/* server/data/intake/layout/layout_class_folders.c -- a folder per class. */
#include <stdlib.h>
#include <string.h>

#include "server/data/intake/layout/layout_parts.h"

/* Files outside the folder that wraps everything. */
static void leave_out_above(LayoutWork *work, const char *top)
{
    const size_t length = strlen(top);
    for (size_t i = 0; i < work->listing->count; i++)
        if (strncmp(work->listing->entries[i].path, top, length) != 0)
            work_leave_out(work, i, 1, "it is not in the folder of a class");
}

LayoutAnswer layout_class_folders(LayoutWork *work, Error *err)
{
    char *top = layout_top(work->listing, TOP_OF_FOLDERS);
    Children children = children_of(work->listing, top, strlen(top));
    const bool known = children.folders > 0;
    free(children.items);
    if (known) {
        leave_out_above(work, top);
        work_add_classes(work, top, strlen(top), PART_NONE);
    }
    free(top);
    if (!known)
        return LAYOUT_NO;
    return work_finish(work, err) ? LAYOUT_YES : LAYOUT_FAULT;
}
