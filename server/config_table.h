/* server/config_table.h -- the fields of the daemon's configuration, one row each: names, ranges,
 * defaults, and how a text becomes a value. */
#pragma once
#include <stddef.h>

#include "server/base/faults.h"
#include "server/config.h"

typedef struct {
    const char *name;  // "limits.body_bytes"
    enum { TEXT, INT, CHOICE } kind;
    size_t offset, size;  // in ServerConfig
    const char *fallback;
    long min, max;             // of INT
    const char *const *names;  // of CHOICE
    const char *about;
} ServerField;

extern const ServerField SERVER_FIELDS[];
extern const size_t SERVER_FIELD_COUNT;

enum { SERVER_FIELD_NAME = 64 };  // bytes of a name, with the final NUL

/* What a source calls the field. */
typedef void (*ServerFieldName)(const ServerField *f, char text[SERVER_FIELD_NAME]);

/* "limits.body_bytes" as "/limits/body_bytes", ... */
void server_field_pointer(const ServerField *f, char text[SERVER_FIELD_NAME]);
/* ... "GOOGLENETD_LIMITS_BODY_BYTES", ... */
void server_field_variable(const ServerField *f, char text[SERVER_FIELD_NAME]);
/* ... "limits-body-bytes". */
void server_field_option(const ServerField *f, char text[SERVER_FIELD_NAME]);

/* The field that a source calls so; NULL: there is none. */
const ServerField *server_field_find(const char *name, size_t length, ServerFieldName name_of);

/* The field that a misspelt name may have meant, in any of these forms without what stands before
 * it: "limits/jbos", "LIMIT_JOBS"; a name of a group's is meant without its group, too. NULL: none
 * is like it. */
const ServerField *server_field_hint(const char *name);

/* Put the text into the field, or add a fault at `where`. */
void server_field_take(const ServerField *f, const char *text, const char *where,
                       ServerConfig *config, Faults *faults);
