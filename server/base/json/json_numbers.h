/* server/base/json/json_numbers.h -- JSON with long arrays of numbers, without a tree of them.
 *
 * A node of a tree takes forty times the memory of a digit and a comma. So arrays of many numbers
 * and nothing else are read into plain memory first, and the rest, which must then be short but for
 * its strings, becomes a tree, in which a mark stands for each.
 */
#pragma once
#include <cJSON.h>
#include <stddef.h>

#include "core/base/error.h"

typedef struct {
    float *items;
    size_t count;
} JsonArray;

typedef struct {
    cJSON *json;
    JsonArray *arrays;  // those that marks stand for
    size_t count;
} JsonNumbers;

/* ERR_INVALID: it is no JSON, or the rest of it is too long. */
bool json_numbers_read(const char *label, const char *text, size_t length, JsonNumbers *out,
                       Error *err);
void json_numbers_free(JsonNumbers *n);  // takes {0}

/* The numbers that `item` is: of a mark, of a short array, or of arrays in an array, one after the
 * other. From malloc; NULL: it is something else, or there are more than `most`. */
float *json_numbers_of(const JsonNumbers *n, const cJSON *item, size_t most, size_t *count);
