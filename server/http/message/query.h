/* server/http/message/query.h -- the part of a URI behind the "?", read with all its faults.
 *
 *     Query q;
 *     query_parse("after=7&limit=20", &q);
 *     int64_t after = query_integer(&q, "after", 0, 0, INT64_MAX, &faults);
 *     query_finish(&q, &faults);  // whatever was not asked for is a fault
 *
 * Faults bear the pointer "?name". Values are percent-decoded; "+" is a space.
 */
#pragma once
#include <stdint.h>

#include "server/base/faults.h"

enum {
    QUERY_MAX_PAIRS = 32,
    QUERY_MAX_BYTES = 2048,  // of the whole text
};

typedef struct {
    const char *name;
    const char *value;  // "" for a name without "="
    bool used;
} QueryPair;

typedef struct {
    char text[QUERY_MAX_BYTES];  // decoded names and values
    QueryPair pairs[QUERY_MAX_PAIRS];
    int count;
    const char *fault;  // why the text could not be read, or NULL
} Query;

/* Take `text` apart, NULL being empty. What cannot be read is remembered as a fault of the whole
 * and reported by query_finish. Pointers in *query point into it: do not copy it. */
void query_parse(const char *text, Query *query);

/* The value of a parameter, NULL if it is absent. Given twice, it is a fault. */
const char *query_text(Query *query, const char *name, Faults *faults);

/* The values of all parameters whose names begin with `prefix`: "metadata." finds metadata.who and
 * metadata.why. Begin with *next 0; *rest is the name behind the prefix; NULL after the last. Given
 * twice, one is a fault. */
const char *query_next(Query *query, const char *prefix, int *next, const char **rest,
                       Faults *faults);

/* A whole number from `least` to `most`, or `fallback` if it is absent or faulty. */
int64_t query_integer(Query *query, const char *name, int64_t fallback, int64_t least, int64_t most,
                      Faults *faults);

/* "true" or "false"; a name alone means true. `fallback` if it is absent or faulty. */
bool query_flag(Query *query, const char *name, bool fallback, Faults *faults);

/* Report what was not asked for, and a text that could not be read. */
void query_finish(const Query *query, Faults *faults);

/* Decode %XX of text[0..length) into dst, with a final NUL. False for a bad or forbidden escape (a
 * control character, NUL included), invalid UTF-8, or more than size - 1 bytes. */
bool percent_decode(const char *text, size_t length, bool plus_is_space, char *dst, size_t size);
