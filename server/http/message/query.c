#include "server/http/message/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(const char *text, size_t length, bool plus_is_space, char *dst, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%') {
            const int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f || n + 1 >= size)
            return false;
        dst[n++] = (char)c;
    }
    dst[n] = '\0';
    return utf8_valid(dst);
}

/* One "name=value" of `text` into the room that starts at *used. */
static bool take_pair(Query *q, const char *text, size_t length, size_t *used)
{
    if (q->count == QUERY_MAX_PAIRS) {
        q->fault = "has too many parameters";
        return false;
    }
    const char *equals = memchr(text, '=', length);
    const size_t name_length = equals ? (size_t)(equals - text) : length;
    const char *value = equals ? equals + 1 : text + length;
    QueryPair *pair = &q->pairs[q->count];

    pair->used = false;
    pair->name = q->text + *used;
    if (!percent_decode(text, name_length, true, q->text + *used, sizeof q->text - *used))
        goto bad;
    *used += strlen(pair->name) + 1;
    pair->value = q->text + *used;
    if (!percent_decode(value, (size_t)(text + length - value), true, q->text + *used,
                        sizeof q->text - *used))
        goto bad;
    *used += strlen(pair->value) + 1;
    q->count++;
    return true;
bad:
    q->fault = "is too long or has an escape that cannot be read";
    return false;
}

void query_parse(const char *text, Query *query)
{
    size_t used = 0;
    query->count = 0;
    query->fault = NULL;
    while (text && *text) {
        const size_t length = strcspn(text, "&");
        if (length > 0 && !take_pair(query, text, length, &used))
            return;
        text += length + (text[length] == '&');
    }
}

static void fault_at(Faults *faults, const char *name, const char *detail)
{
    char pointer[sizeof faults->items[0].pointer];
    snprintf(pointer, sizeof pointer, "?%.100s", name);
    faults_add(faults, pointer, "%s", detail);
}

const char *query_text(Query *query, const char *name, Faults *faults)
{
    const char *value = NULL;
    for (int i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) != 0)
            continue;
        query->pairs[i].used = true;
        if (value)
            fault_at(faults, name, "must be given once");
        value = query->pairs[i].value;
    }
    return value;
}

const char *query_next(Query *query, const char *prefix, int *next, const char **rest,
                       Faults *faults)
{
    const size_t n = strlen(prefix);
    while (*next < query->count) {
        const QueryPair *pair = &query->pairs[(*next)++];
        if (strncmp(pair->name, prefix, n) != 0 || pair->used)
            continue;
        *rest = pair->name + n;
        return query_text(query, pair->name, faults);
    }
    return NULL;
}

int64_t query_integer(Query *query, const char *name, int64_t fallback, int64_t least, int64_t most,
                      Faults *faults)
{
    const char *text = query_text(query, name, faults);
    if (!text)
        return fallback;
    char *end;
    errno = 0;
    const int64_t value = strtoll(text, &end, 10);
    // strtoll skips blanks and takes a "+", which no client should rely on.
    const bool starts_well = *text == '-' || (*text >= '0' && *text <= '9');
    if (starts_well && !*end && errno == 0 && value >= least && value <= most)
        return value;
    char detail[160];
    snprintf(detail, sizeof detail,
             "must be a whole number from %" PRId64 " to %" PRId64 ", got %.40s", least, most,
             text);
    fault_at(faults, name, detail);
    return fallback;
}

bool query_flag(Query *query, const char *name, bool fallback, Faults *faults)
{
    const char *text = query_text(query, name, faults);
    if (!text)
        return fallback;
    if (!*text || strcmp(text, "true") == 0)
        return true;
    if (strcmp(text, "false") == 0)
        return false;
    char detail[80];
    snprintf(detail, sizeof detail, "must be true or false, got %.40s", text);
    fault_at(faults, name, detail);
    return fallback;
}

void query_finish(const Query *query, Faults *faults)
{
    if (query->fault)
        faults_add(faults, "?", "the query %s", query->fault);
    for (int i = 0; i < query->count; i++)
        if (!query->pairs[i].used)
            fault_at(faults, query->pairs[i].name, "is not a parameter of this call");
}
