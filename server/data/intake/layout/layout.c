#include "server/data/intake/layout/layout.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/intake/layout/layout_parts.h"

/* In the order in which they are asked. */
static const struct {
    const char *name;
    LayoutRecogniser *recognise;
} LAYOUTS[] = {
    {"idx", layout_idx},
    {"table", layout_table},
    {"split_folders", layout_split_folders},
    {"class_folders", layout_class_folders},
};

static void work_free(LayoutWork *work)
{
    for (size_t i = 0; i < work->count; i++)
        free(work->files[i].class_name);
    free(work->files);
    free(work->note);
}

bool layout_find(Source *source, Layout *layout, Error *err)
{
    *layout = (Layout){0};
    LayoutWork work = {.source = source, .listing = source_listing(source), .layout = layout};
    LayoutAnswer answer = LAYOUT_NO;
    for (size_t i = 0; answer == LAYOUT_NO && i < COUNT(LAYOUTS); i++) {
        layout->name = LAYOUTS[i].name;
        answer = LAYOUTS[i].recognise(&work, err);
    }
    if (answer == LAYOUT_NO)
        layout_unknown(&work, err);
    left_out_sort(&layout->left_out);
    work_free(&work);
    return answer == LAYOUT_YES;
}

void layout_clear(Layout *l)
{
    for (int i = 0; i < l->class_count; i++)
        free(l->classes[i]);
    free(l->classes);
    free(l->items);
    for (size_t i = 0; i < l->warning_count; i++)
        free(l->warnings[i].text);
    free(l->warnings);
    left_out_free(&l->left_out);
    for (size_t i = 0; i < COUNT(l->images); i++)
        idx_free(&l->images[i]);
    *l = (Layout){0};
}

char *layout_item_name(const Listing *listing, const LayoutItem *item)
{
    const char *path = listing->entries[item->entry].path;
    return item->picture < 0 ? xstrdup(path) : xasprintf("%s[%d]", path, (int)item->picture);
}
