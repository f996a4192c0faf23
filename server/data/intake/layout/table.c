#include "server/data/intake/layout/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"

/* A text while it is taken apart, in place: a field is never longer than what it is written as. */
typedef struct {
    const char *label;
    char *at, *end;
    char separator;
    int64_t line;
} Parse;

static char separator_of(const char *text)
{
    const size_t header = strcspn(text, "\r\n");
    static const char SEPARATORS[] = ",;\t";
    for (const char *s = SEPARATORS; *s; s++)
        if (memchr(text, *s, header))
            return *s;
    return ',';
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A field in quotes, from behind the first one. */
static bool quoted_field(Parse *p, char **field, Error *err)
{
    const int64_t line = p->line;
    char *out = *field = p->at;
    for (;; p->at++) {
        if (p->at == p->end)
            return fail(err, ERR_INVALID, "%s, line %" PRId64 ": a quoted field does not end",
                        p->label, line);
        if (*p->at == '"' && *++p->at != '"')
            break;
        p->line += *p->at == '\n';
        *out++ = *p->at;
    }
    while (is_blank(*p->at) && *p->at != p->separator)
        p->at++;
    if (*p->at != p->separator && !ends_line(*p->at))
        return fail(err, ERR_INVALID, "%s, line %" PRId64 ": there is text behind a quoted field",
                    p->label, p->line);
    *out = '\0';
    return true;
}

static void plain_field(Parse *p, char **field)
{
    char *start = p->at;
    while (*p->at != p->separator && !ends_line(*p->at))
        p->at++;
    char *stop = p->at;
    while (stop > start && is_blank(stop[-1]))
        stop--;
    *field = start;
    if (stop < p->at)
        *stop = '\0';
}

/* One field; leaves `at` on the separator or the end of the line. */
static bool next_field(Parse *p, char **field, Error *err)
{
    while (is_blank(*p->at) && *p->at != p->separator)
        p->at++;
    if (*p->at == '"') {
        p->at++;
        return quoted_field(p, field, err);
    }
    plain_field(p, field);
    return true;
}

static void add_field(CsvTable *t, char *field)
{
    if (t->field_count == t->field_room) {
        t->field_room = t->field_room ? 2 * t->field_room : 64;
        t->fields = xrealloc(t->fields, t->field_room, sizeof *t->fields);
    }
    t->fields[t->field_count++] = field;
}

static void add_row(CsvTable *t, size_t first, int64_t line)
{
    if (t->row_count == t->row_room) {
        t->row_room = t->row_room ? 2 * t->row_room : 64;
        t->rows = xrealloc(t->rows, t->row_room, sizeof *t->rows);
    }
    t->rows[t->row_count++] = (TableRow){first, t->field_count - first, line};
}

/* The end of a line, written over with NUL. */
static void pass_line_end(Parse *p)
{
    if (p->at == p->end)
        return;
    const bool two = p->at[0] == '\r' && p->at[1] == '\n';
    *p->at = '\0';
    p->at += two ? 2 : 1;
    p->line++;
}

static bool next_row(Parse *p, CsvTable *t, Error *err)
{
    const size_t first = t->field_count;
    const int64_t line = p->line;
    bool has_text = false, more = true;
    while (more) {
        char *field;
        if (!next_field(p, &field, err)) {
            t->field_count = first;
            return false;
        }
        more = *p->at == p->separator;
        has_text = has_text || (field < p->at && *field);
        add_field(t, field);
        if (more)
            *p->at++ = '\0';
    }
    pass_line_end(p);
    if (has_text)
        add_row(t, first, line);
    else
        t->field_count = first;
    return true;
}

bool table_parse(const char *label, char *text, size_t size, CsvTable *table, Error *err)
{
    *table = (CsvTable){0};
    if (memchr(text, '\0', size))
        return fail(err, ERR_INVALID, "%s has bytes of zero; tables must be UTF-8 text", label);
    Parse p = {.label = label, .at = text, .end = text + size, .line = 1};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.at += 3;
    p.separator = separator_of(p.at);
    if (strncasecmp(p.at, "sep=", 4) == 0 && ends_line(p.at[4])) {
        p.at += 4;
        pass_line_end(&p);
        p.separator = separator_of(p.at);
    } else if (strncasecmp(p.at, "sep=", 4) == 0 && p.at[4] != '"' && ends_line(p.at[5])) {
        p.separator = p.at[4];
        p.at += 5;
        pass_line_end(&p);
    }
    while (p.at < p.end)
        if (!next_row(&p, table, err))
            return false;
    return true;
}

void table_free(CsvTable *t)
{
    free(t->fields);
    free(t->rows);
    *t = (CsvTable){0};
}

const char *table_field(const CsvTable *t, size_t row, size_t column)
{
    const TableRow *r = &t->rows[row];
    return column < r->count ? t->fields[r->first + column] : "";
}
