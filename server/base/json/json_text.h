/* server/base/json/json_text.h -- JSON text into a tree without trusting it, and numbers without
 * loss.
 *
 * cJSON is lenient (01, "\u0000", bytes that are not UTF-8), nests a thousand deep, and knows the
 * place of a fault only in a global. So the text is checked against RFC 8259 first, and cJSON
 * builds the tree of what is known to be well-formed. Keys given twice pass: their reader knows
 * what they mean (json_given_twice). A byte order mark before the text passes too.
 */
#pragma once
#include <cJSON.h>
#include <stddef.h>

#include "core/base/error.h"

enum {
    JSON_MAX_BYTES = 1 << 20,
    JSON_MAX_DEPTH = 16,          // objects and arrays inside one another
    JSON_MAX_MEMBERS = 1024,      // of an object: looking each up takes time with the square
    JSON_MAX_NUMBER_LENGTH = 60,  // characters of a number: cJSON reads no more than 63
    NUMBER_TEXT = 32,             // bytes of a number as text, with the final NUL
};

/* The tree of `length` bytes, which need no final NUL; free it with cJSON_Delete. NULL with
 * ERR_INVALID if the text is too long, too deep, too wide or faulty: "job.json: line 3, column 14:
 * expected a value". `label` names the text there. */
cJSON *json_parse_text(const char *label, const char *text, size_t length, Error *err);

/* The same of at most `most` bytes. */
cJSON *json_parse_long(const char *label, const char *text, size_t length, size_t most, Error *err);

/* Whether a text of any length is JSON that json_parse_text takes, without making its tree.
 * ERR_INVALID. */
bool json_check_text(const char *label, const char *text, size_t length, Error *err);

/* A number that prints with all its bits: cJSON alone prints 15 digits where it finds them close
 * enough. It may be of type cJSON_Raw, which json_number_value reads too. NaN and infinity, which
 * JSON lacks, become null. */
cJSON *json_number(double value);
bool json_number_value(const cJSON *item, double *value);  // false: not a number
/* Make all numbers of a tree, which cJSON has read, such. */
void json_keep_numbers(cJSON *json);

/* Whether an object has a member of that name before this one, which is among its own. */
bool json_given_twice(const cJSON *object, const cJSON *member);

/* An object that the store has as text; an empty one where it has none or none that can be read. */
cJSON *json_parse_stored(const char *text);

/* A stored text as a part of an answer: itself, so that numbers keep all their digits. Where it may
 * be damaged, and is, null: else all of the answer would be no JSON. */
cJSON *json_stored_item(const char *text, bool may_be_damaged);

/* The tree without blanks, to be freed with free. Takes the tree. */
char *json_take_text(cJSON *json);

/* The shortest text that reads back as exactly `value`, which is finite: "0.1". */
void number_text(double value, char text[NUMBER_TEXT]);
