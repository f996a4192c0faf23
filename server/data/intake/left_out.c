#include "server/data/intake/left_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

static const struct {
    const char *name;
    const char *reason;
} CODES[LEFT_CODES] = {
    [LEFT_LINK] = {"link", "a link; links are not followed"},
    [LEFT_SPECIAL] = {"special_file", "a device, pipe or socket, not a file"},
    [LEFT_ABSOLUTE] = {"absolute_path", "its path does not begin in the archive"},
    [LEFT_CLIMBING] = {"climbing_path", "its path leads out of the archive by \"..\""},
    [LEFT_NAMELESS] = {"no_name", "it has no name"},
    [LEFT_TOO_DEEP] = {"path_too_deep", "it lies too deep in folders"},
    [LEFT_TOO_LONG] = {"path_too_long", "its path is too long"},
    [LEFT_TOO_LARGE] = {"too_large", "it is larger than one file may be"},
    [LEFT_REPLACED] = {"replaced", "another entry with the same path comes later"},
    [LEFT_UNREADABLE] = {"unreadable", "it cannot be read"},
    [LEFT_SYSTEM] = {"system_file", "kept by the system, no picture"},
    [LEFT_OUTSIDE] = {"outside_layout", "it is not in the folder of a class"},
    [LEFT_MISSING] = {"missing_file", "a table lists it, but it is not there"},
    [LEFT_BAD_ROW] = {"bad_row", "its row in the table is incomplete"},
    [LEFT_TABLE] = {"table", "the table that lists the pictures"},
    [LEFT_OTHER_LISTING] = {"listed_twice", "a table lists it more than once"},
};

const char *left_code_name(LeftCode code)
{
    return CODES[code].name;
}

void left_out_put(LeftOutList *list, LeftOut row)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 16;
        list->items = xrealloc(list->items, list->room, sizeof *list->items);
    }
    list->items[list->count++] = row;
}

void left_out_copy(LeftOutList *list, const LeftOutList *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const LeftOut *row = &from->items[i];
        left_out_put(list, (LeftOut){xstrdup(row->path), row->code, xstrdup(row->reason)});
    }
}

static void put(LeftOutList *list, LeftCode code, const char *path, const char *reason)
{
    left_out_put(list, (LeftOut){xstrdup(path), CODES[code].name, xstrdup(reason)});
}

void left_out_add(LeftOutList *list, LeftCode code, const char *path)
{
    put(list, code, path, CODES[code].reason);
}

void left_out_say(LeftOutList *list, LeftCode code, const char *path, const char *fmt, ...)
{
    char reason[400];
    va_list arguments;
    va_start(arguments, fmt);
    const int length = vsnprintf(reason, sizeof reason, fmt, arguments);
    va_end(arguments);
    text_finish(reason, sizeof reason, length);
    put(list, code, path, reason);
}

static int compare(const void *one, const void *other)
{
    const LeftOut *a = one, *b = other;
    int order = strcmp(a->path, b->path);
    if (order == 0)
        order = strcmp(a->code, b->code);
    return order ? order : strcmp(a->reason, b->reason);
}

void left_out_sort(LeftOutList *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare);
}

void left_out_free(LeftOutList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].reason);
    }
    free(list->items);
    *list = (LeftOutList){0};
}
