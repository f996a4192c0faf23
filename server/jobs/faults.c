#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/jobs/json_text.h"
#include "server/jobs/spec_fields.h"

/* Cut a text that may have been truncated back to whole UTF-8 characters, and show control
 * characters, which would play with a terminal, as question marks. */
static void tidy(char *text)
{
    const char *end = text + strlen(text);
    for (char *c = text; c < end;) {
        const size_t length = utf8_next(c, end);
        if (length == 0) {
            *c = '\0';
            return;
        }
        if (length == 1 && ((unsigned char)*c < 0x20 || *c == 0x7f))
            *c = '?';
        c += length;
    }
}

void faults_add(Faults *faults, const char *pointer, const char *fmt, ...)
{
    if (faults->count++ >= SPEC_MAX_FAULTS)
        return;
    Fault *f = &faults->items[faults->count - 1];
    snprintf(f->pointer, sizeof f->pointer, "%s", pointer);
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->detail, sizeof f->detail, fmt, args);
    va_end(args);
    tidy(f->pointer);
    tidy(f->detail);
}

/* A value as a message shows it: short, and strings in quotes. */
static void show_value(const cJSON *item, char *text, size_t size)
{
    double number;
    if (cJSON_IsString(item)) {
        char shown[49];
        snprintf(shown, sizeof shown, "%s", item->valuestring);
        tidy(shown);
        const bool cut = strlen(item->valuestring) > strlen(shown);
        snprintf(text, size, "\"%s%s\"", shown, cut ? "..." : "");
    } else if (json_number_value(item, &number)) {
        snprintf(text, size, number - number == 0 ? "%.16g" : "a number beyond all range", number);
    } else {
        snprintf(text, size, "%s",
                 cJSON_IsBool(item)     ? (cJSON_IsTrue(item) ? "true" : "false")
                 : cJSON_IsNull(item)   ? "null"
                 : cJSON_IsArray(item)  ? "an array"
                 : cJSON_IsObject(item) ? "an object"
                                        : "something else");
    }
}

void fault_expected(Faults *faults, const char *pointer, const char *expected, const cJSON *got)
{
    char shown[80];
    show_value(got, shown, sizeof shown);
    faults_add(faults, pointer, "must be %s, got %s", expected, shown);
}

void pointer_append(char *pointer, size_t size, const char *key)
{
    size_t used = strlen(pointer);
    if (used + 1 < size)
        pointer[used++] = '/';
    for (; *key && used + 2 < size; key++) {
        if (*key == '~' || *key == '/') {
            pointer[used++] = '~';
            pointer[used++] = *key == '~' ? '0' : '1';
        } else {
            pointer[used++] = *key;
        }
    }
    pointer[used] = '\0';
}

/* ---- Hints ---- */

enum { HINT_LENGTH = 40 };  // longer keys are compared with nothing

/* Letters to insert, delete or change to make b of a (Levenshtein 1966). */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t length = strlen(b);
    size_t row[HINT_LENGTH + 1];
    if (strlen(a) > HINT_LENGTH || length > HINT_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[length];
}

const Field *field_hint(const Field *fields, size_t count, const char *pointer, const char *key)
{
    const Field *nearest = NULL;
    size_t distance = 2 + strlen(key) / 6;  // from here on it is another word
    const size_t group_length = strlen(pointer);
    for (size_t i = 0; i < count; i++) {
        const char *leaf = strrchr(fields[i].pointer, '/');
        const bool sibling = (size_t)(leaf - fields[i].pointer) == group_length
                             && strncmp(fields[i].pointer, pointer, group_length) == 0;
        // In another group only the right name is a hint.
        const size_t d = edit_distance(key, leaf + 1);
        if (sibling ? d < distance : (d == 0 && !nearest)) {
            nearest = &fields[i];
            distance = sibling ? d : distance;
        }
    }
    return nearest;
}
