#include "server/data/intake/layout/layout_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"
#include "core/base/nfc.h"

LayoutPart part_of_word(const char *word, size_t length)
{
    static const struct {
        const char *word;
        LayoutPart part;
    } WORDS[] = {
        {"train", PART_TRAIN},           {"training", PART_TRAIN}, {"test", PART_TEST},
        {"testing", PART_TEST},          {"val", PART_VALIDATION}, {"valid", PART_VALIDATION},
        {"validation", PART_VALIDATION},
    };
    for (size_t i = 0; i < COUNT(WORDS); i++)
        if (strlen(WORDS[i].word) == length && strncasecmp(word, WORDS[i].word, length) == 0)
            return WORDS[i].part;
    return PART_NONE;
}

bool has_ending(const char *name, size_t length, const char *ending)
{
    const size_t ends = strlen(ending);
    return length > ends && strncasecmp(name + length - ends, ending, ends) == 0;
}

static int compare_prefix(const Listing *listing, size_t entry, const char *prefix, size_t length)
{
    return strncmp(listing->entries[entry].path, prefix, length);
}

/* The first entry whose path does not come before `prefix`. */
static size_t first_of(const Listing *listing, const char *prefix, size_t length)
{
    size_t low = 0, high = listing->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_prefix(listing, middle, prefix, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Children children_of(const Listing *listing, const char *prefix, size_t length)
{
    Children all = {0};
    for (size_t i = first_of(listing, prefix, length);
         i < listing->count && compare_prefix(listing, i, prefix, length) == 0; i++) {
        const char *name = listing->entries[i].path + length;
        const size_t ends = strcspn(name, "/");
        Child *last = all.count > 0 ? &all.items[all.count - 1] : NULL;
        if (name[ends] && last && last->is_folder && last->length == ends
            && memcmp(last->name, name, ends) == 0) {
            last->count++;
            continue;
        }
        if (all.count == all.room) {
            all.room = all.room ? 2 * all.room : 16;
            all.items = xrealloc(all.items, all.room, sizeof *all.items);
        }
        all.items[all.count++] = (Child){name, ends, i, 1, name[ends] == '/'};
        all.folders += name[ends] == '/';
    }
    return all;
}

static bool looks_like_picture(const Child *child)
{
    static const char *const ENDINGS[] = {".jpg", ".jpeg", ".jfif", ".png",  ".webp", ".gif",
                                          ".bmp", ".tif",  ".tiff", ".heic", ".avif"};
    for (size_t i = 0; i < COUNT(ENDINGS); i++)
        if (has_ending(child->name, child->length, ENDINGS[i]))
            return true;
    return false;
}

static bool is_table(const Child *child)
{
    static const char *const ENDINGS[] = {".csv", ".tsv", "-ubyte", "-ubyte.gz"};
    for (size_t i = 0; i < COUNT(ENDINGS); i++)
        if (has_ending(child->name, child->length, ENDINGS[i]))
            return true;
    return false;
}

/* The folder that everything of these lies in, beside files that do not count; NULL: none. */
static const Child *wrapper(const Children *children, Top top)
{
    const Child *folder = NULL;
    for (size_t i = 0; i < children->count; i++) {
        const Child *child = &children->items[i];
        if (child->is_folder)
            folder = child;
        else if (looks_like_picture(child) || (top == TOP_OF_TABLES && is_table(child)))
            return NULL;
    }
    return children->folders == 1 ? folder : NULL;
}

char *layout_top(const Listing *listing, Top top)
{
    char *prefix = xstrdup("");
    Children children = children_of(listing, prefix, 0);
    const Child *folder;
    while ((folder = wrapper(&children, top))) {
        char *inner = xasprintf("%s%.*s/", prefix, (int)folder->length, folder->name);
        const Children below = children_of(listing, inner, strlen(inner));
        const bool is_class = top == TOP_OF_FOLDERS && below.folders == 0;
        free(is_class ? inner : prefix);
        free(is_class ? below.items : children.items);
        if (is_class)
            break;
        prefix = inner;
        children = below;
    }
    free(children.items);
    return prefix;
}

void work_add(LayoutWork *work, size_t entry, LayoutPart part, const char *class_name,
              size_t length, int64_t line)
{
    if (work->count == work->room) {
        work->room = work->room ? 2 * work->room : 64;
        work->files = xrealloc(work->files, work->room, sizeof *work->files);
    }
    char *name = xcalloc(length + 1, 1);
    memcpy(name, class_name, length);
    work->files[work->count++] = (Labelled){entry, part, nfc_text(name), line};
    free(name);
}

void work_leave_out(LayoutWork *work, size_t first, size_t count, const char *reason)
{
    for (size_t i = first; i < first + count; i++)
        left_out_say(&work->layout->left_out, LEFT_OUTSIDE, work->listing->entries[i].path, "%s",
                     reason);
}

/* Whether the folder with this path has files: it is one of the children then. */
static bool has_files(const Children *children, const char *name)
{
    for (size_t i = 0; i < children->count; i++) {
        const Child *child = &children->items[i];
        if (child->is_folder && strlen(name) == child->length
            && memcmp(name, child->name, child->length) == 0)
            return true;
    }
    return false;
}

/* Whether the folder, or something in it, could not be read. */
static bool is_unreadable(const Listing *listing, const char *folder)
{
    const size_t length = strlen(folder);
    for (size_t i = 0; i < listing->left_out.count; i++) {
        const LeftOut *row = &listing->left_out.items[i];
        if (strcmp(row->code, left_code_name(LEFT_UNREADABLE)) == 0
            && strncmp(row->path, folder, length) == 0
            && (row->path[length] == '\0' || row->path[length] == '/'))
            return true;
    }
    return false;
}

/* The folders directly in `prefix` that hold no files at all, or none that we may read. */
static void warn_of_empty(LayoutWork *work, const Children *children, const char *prefix,
                          size_t length)
{
    for (size_t i = 0; i < work->listing->folder_count; i++) {
        const char *folder = work->listing->folders[i];
        if (strncmp(folder, prefix, length) == 0 && folder[length] != '\0'
            && !strchr(folder + length, '/') && !has_files(children, folder + length))
            work_warn(work, "empty_class", "class \"%s\" has no files%s: it is no class of the set",
                      folder + length,
                      is_unreadable(work->listing, folder) ? " that can be read" : "");
    }
}

void work_add_classes(LayoutWork *work, const char *prefix, size_t length, LayoutPart part)
{
    Children children = children_of(work->listing, prefix, length);
    for (size_t c = 0; c < children.count; c++) {
        const Child *child = &children.items[c];
        if (!child->is_folder)
            work_leave_out(work, child->first, 1, "it is not in the folder of a class");
        for (size_t i = child->first; child->is_folder && i < child->first + child->count; i++)
            work_add(work, i, part, child->name, child->length, 0);
    }
    warn_of_empty(work, &children, prefix, length);
    free(children.items);
}
