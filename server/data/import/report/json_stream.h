/* server/data/import/report/json_stream.h -- JSON written piece by piece, for what is too long for
 * a tree.
 *
 * The caller opens and closes objects and arrays; commas, quotes and escapes are seen to.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    FILE *out;
    bool first;  // nothing stands before the next one in its object or array
} JsonStream;

/* `key` is NULL in an array and for the outermost value. Texts are UTF-8. */
void json_open(JsonStream *s, const char *key, char bracket);  // '{' or '['
void json_close(JsonStream *s, char bracket);                  // '}' or ']'
void json_put_text(JsonStream *s, const char *key, const char *text);
void json_put_int(JsonStream *s, const char *key, int64_t value);
void json_put_real(JsonStream *s, const char *key, double value);  // finite
void json_put_bool(JsonStream *s, const char *key, bool value);
