#include "server/http/message/header_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"

static char *copy_of(const char *bytes, size_t length)
{
    char *copy = xcalloc(length + 1, 1);
    memcpy(copy, bytes, length);
    return copy;
}

void header_list_add(HeaderList *list, Header header)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 16;
        list->items = xrealloc(list->items, (size_t)list->room, sizeof *list->items);
    }
    header.name = copy_of(header.name, header.name_length);
    header.value = copy_of(header.value ? header.value : "", header.value_length);
    list->items[list->count++] = header;
}

void header_list_free(HeaderList *list)
{
    for (int i = 0; i < list->count; i++) {
        free((char *)list->items[i].name);
        free((char *)list->items[i].value);
    }
    free(list->items);
    *list = (HeaderList){0};
}

const char *header_list_get(const HeaderList *list, const char *name)
{
    for (int i = 0; i < list->count; i++)
        if (strcasecmp(list->items[i].name, name) == 0)
            return list->items[i].value;
    return NULL;
}

int header_list_count(const HeaderList *list, const char *name)
{
    int n = 0;
    for (int i = 0; i < list->count; i++)
        n += strcasecmp(list->items[i].name, name) == 0;
    return n;
}

size_t header_list_size(const HeaderList *list)
{
    size_t size = 0;
    for (int i = 0; i < list->count; i++)
        size += list->items[i].name_length + list->items[i].value_length + 64;
    return size;
}
