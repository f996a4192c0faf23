/* server/http/message/header_list.h -- the header fields of one request, in the order in which they
 * came.
 *
 * A copy: handlers read it on threads of their own, also when the connection has gone by then.
 */
#pragma once
#include <stddef.h>

typedef struct {
    const char *name, *value;          // each with a final NUL
    size_t name_length, value_length;  // a NUL inside makes them longer than strlen says
} Header;

typedef struct {
    Header *items;
    int count, room;
} HeaderList;

/* Copies both texts. */
void header_list_add(HeaderList *list, Header header);
void header_list_free(HeaderList *list);

/* The value of the first field of that name, whatever its case; NULL if there is none. */
const char *header_list_get(const HeaderList *list, const char *name);
int header_list_count(const HeaderList *list, const char *name);

/* Bytes of all fields, each with 64 more for what it takes to keep it. */
size_t header_list_size(const HeaderList *list);
