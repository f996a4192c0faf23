/* core/autotune/text.c -- records and caches as text.
 *
 *     googlenetd kernels 1
 *     machine AMD EPYC, family 25 model 17 stepping 1, caches 32K+1024K+32768K, ...
 *     forward 3x3 ... | F(4,3)
 *
 *     googlenetd autotune cache 1
 *     machine ...
 *     forward 3x3 ... | settled 1764106000 | F(4,3) 412.071 | oneDNN 803.150
 *
 * A cache has one or more machines, each with its lines. Readers check every line: a text is taken
 * whole or not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/autotune/tables.h"
#include "core/base/memory.h"

static const char RECORD_FIRST[] = "googlenetd kernels 1";
static const char CACHE_FIRST[] = "googlenetd autotune cache 1";
static const char RECORD[] = "record of kernels";
static const char CACHE[] = "autotune cache";
static const char MACHINE[] = "machine ";
static const char SEPARATOR[] = " | ";

enum { MAX_LINE = AUTOTUNE_KEY + AUTOTUNE_MAX_CANDIDATES * (AUTOTUNE_KERNEL + 32) };

/* ---- Lines ---- */

typedef struct {
    const char *at;  // the rest of the text
    int number;      // of the line read last
    char line[MAX_LINE];
} Lines;

/* The next line to lines->line. False at the end, or where a line is too long or not plain text:
 * then lines->at is not at the end. */
static bool next_line(Lines *l)
{
    const size_t length = strcspn(l->at, "\n");
    if (*l->at == '\0' || length >= sizeof l->line || l->at[length] != '\n')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (l->at[i] < ' ' || l->at[i] > '~')
            return false;
    }
    memcpy(l->line, l->at, length);
    l->line[length] = '\0';
    l->at += length + 1;
    l->number++;
    return true;
}

static bool damaged(const char *what, int line, Error *err)
{
    return fail(err, ERR_INVALID, "the %s is damaged at line %d", what, line);
}

/* Cut the next field off *rest: "a | b | c" -> "a". NULL if there is none, or if it is empty or has
 * `size` bytes or more. */
static char *next_field(char **rest, size_t size)
{
    char *field = *rest;
    if (!field)
        return NULL;
    char *end = strstr(field, SEPARATOR);
    *rest = end ? end + strlen(SEPARATOR) : NULL;
    if (end)
        *end = '\0';
    return *field && strlen(field) < size ? field : NULL;
}

/* ---- The record ---- */

char *autotune_record(const Autotune *a)
{
    const size_t size = sizeof RECORD_FIRST + MACHINE_TEXT + 16
                        + (size_t)a->kernel_count * (AUTOTUNE_KEY + AUTOTUNE_KERNEL + 4);
    char *text = xcalloc(size, 1);
    size_t used = (size_t)snprintf(text, size, "%s\n%s%s\n", RECORD_FIRST, MACHINE, a->machine);
    for (int i = 0; i < a->kernel_count; i++) {
        const KernelRow *row = &a->kernels[i];
        if (row->used)
            used += (size_t)snprintf(text + used, size - used, "%s%s%s\n", row->key, SEPARATOR,
                                     row->kernel);
    }
    return text;
}

/* Read a record's rows, and with `a` take them over. */
static bool read_rows(Lines l, Autotune *a, Error *err)
{
    int rows = 0;
    while (next_line(&l)) {
        char *rest = l.line;
        const char *key = next_field(&rest, AUTOTUNE_KEY);
        const char *kernel = next_field(&rest, AUTOTUNE_KERNEL);
        if (!key || !kernel || rest || ++rows > AUTOTUNE_MAX_PROBLEMS)
            return damaged(RECORD, l.number, err);
        if (a && !kernels_find(a, key))
            kernels_add(a, key, kernel)->recorded = true;
    }
    return *l.at == '\0' || damaged(RECORD, l.number + 1, err);
}

bool autotune_use_record(Autotune *a, const char *text, Error *err)
{
    Lines l = {.at = text};
    const bool is_record = next_line(&l) && strcmp(l.line, RECORD_FIRST) == 0 && next_line(&l)
                           && strncmp(l.line, MACHINE, strlen(MACHINE)) == 0;
    if (!is_record || !read_rows(l, NULL, err)) {
        a->bits_may_differ = true;
        return is_record ? false
                         : fail(err, ERR_INVALID,
                                "this is not a record of kernels: it does not "
                                "start with \"%s\" and a machine",
                                RECORD_FIRST);
    }
    if (strcmp(l.line + strlen(MACHINE), a->machine) != 0) {
        a->bits_may_differ = true;
        return true;
    }
    return read_rows(l, a, err);
}

/* ---- The cache ---- */

/* "F(4,3) 412.071" */
static bool read_time(const char *field, TimeRow *time)
{
    const char *space = strrchr(field, ' ');
    const size_t length = space ? (size_t)(space - field) : 0;
    if (length == 0 || length >= sizeof time->kernel)
        return false;
    char *end = NULL;
    *time = (TimeRow){.microseconds = strtod(space + 1, &end)};
    memcpy(time->kernel, field, length);
    return end != space + 1 && *end == '\0' && time->microseconds > 0 && time->microseconds < 1e12;
}

/* "settled 1764106000". A moment in the future is of a clock that was ahead: taken for the later
 * one it would stay, and what did not settle would be measured again in every run. */
static bool read_state(const char *field, MeasurementRow *row)
{
    row->settled = strncmp(field, "settled ", 8) == 0;
    const size_t skip = row->settled ? 8 : 10;
    if (!row->settled && strncmp(field, "unsettled ", 10) != 0)
        return false;
    char *end = NULL;
    row->measured_at = strtoll(field + skip, &end, 10);
    if (row->measured_at > (int64_t)time(NULL))
        row->measured_at = 0;
    return end != field + skip && *end == '\0';
}

/* row->times has room for AUTOTUNE_MAX_CANDIDATES. */
static bool read_measurement(char *line, MeasurementRow *row)
{
    char *rest = line;
    const char *key = next_field(&rest, AUTOTUNE_KEY);
    const char *state = key ? next_field(&rest, 64) : NULL;
    if (!state || !rest || !read_state(state, row))
        return false;
    memset(row->key, 0, sizeof row->key);
    memcpy(row->key, key, strlen(key));
    for (row->count = 0; rest; row->count++) {
        const char *time = next_field(&rest, AUTOTUNE_KERNEL + 32);
        if (!time || row->count == AUTOTUNE_MAX_CANDIDATES
            || !read_time(time, &row->times[row->count]))
            return false;
    }
    return true;
}

/* Read all lines; with `m` and `others` also keep them. */
static bool read_cache(Lines l, const char *machine, Measurements *m, char *others, Error *err)
{
    TimeRow times[AUTOTUNE_MAX_CANDIDATES];
    MeasurementRow row = {.times = times};
    bool has_machine = false, ours = false;
    size_t others_length = 0;
    for (const char *at = l.at; next_line(&l); at = l.at) {
        const bool is_machine = strncmp(l.line, MACHINE, strlen(MACHINE)) == 0;
        if (is_machine)
            ours = strcmp(l.line + strlen(MACHINE), machine) == 0;
        has_machine |= is_machine;
        if (!has_machine || (!is_machine && !read_measurement(l.line, &row)))
            return damaged(CACHE, l.number, err);
        if (others && !ours) {
            memcpy(others + others_length, at, (size_t)(l.at - at));
            others_length += (size_t)(l.at - at);
        }
        if (m && ours && !is_machine)
            measurements_add(m, &row);
    }
    return *l.at == '\0' || damaged(CACHE, l.number + 1, err);
}

bool cache_read(const char *text, const char *machine, Measurements *m, char **others, Error *err)
{
    Lines l = {.at = text};
    if (!next_line(&l) || strcmp(l.line, CACHE_FIRST) != 0)
        return fail(err, ERR_INVALID,
                    "this is not an autotune cache: it does not start with \"%s\"", CACHE_FIRST);
    if (!read_cache(l, machine, NULL, NULL, err))
        return false;
    char *kept = others ? xcalloc(strlen(text) + 1, 1) : NULL;
    if (others)
        *others = kept;
    return read_cache(l, machine, m, kept, err);
}

static size_t write_row(const MeasurementRow *row, char *text, size_t size)
{
    size_t used =
        (size_t)snprintf(text, size, "%s%s%s %lld", row->key, SEPARATOR,
                         row->settled ? "settled" : "unsettled", (long long)row->measured_at);
    for (int i = 0; i < row->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s %.3f", SEPARATOR,
                                 row->times[i].kernel, row->times[i].microseconds);
    return used + (size_t)snprintf(text + used, size - used, "\n");
}

char *cache_write(const Measurements *m, const char *machine, const char *others)
{
    const size_t size = sizeof CACHE_FIRST + MACHINE_TEXT + 16 + (others ? strlen(others) : 0)
                        + (size_t)m->count * MAX_LINE;
    char *text = xcalloc(size, 1);
    size_t used = (size_t)snprintf(text, size, "%s\n%s%s%s\n", CACHE_FIRST, others ? others : "",
                                   MACHINE, machine);
    for (int i = 0; i < m->count; i++)
        used += write_row(&m->rows[i], text + used, size - used);
    return text;
}
