#include "server/cli/run/csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

enum { CSV_MAX_COLUMNS = 16 };

struct Csv {
    FILE *file;
    char *path;
};

static bool io_fault(const char *path, Error *err)
{
    return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
}

static bool flush(FILE *file, const char *path, Error *err)
{
    if (fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0)
        return io_fault(path, err);
    return true;
}

/* The next whole line, without its end; NULL at the end of the file or at half a line. */
static char *next_line(FILE *file, char **line, size_t *size)
{
    const ssize_t length = getline(line, size, file);
    if (length < 1 || (*line)[length - 1] != '\n')
        return NULL;
    // Spreadsheets end a line with two characters.
    const bool two = length > 1 && (*line)[length - 2] == '\r';
    (*line)[length - 1 - two] = '\0';
    return *line;
}

/* Read the first line; a file that is empty or has half a line is a new one. */
static bool read_header(FILE *in, const char *path, const char *header, char **line, size_t *size,
                        Error *err)
{
    return !next_line(in, line, size) || strcmp(*line, header) == 0
           || fail(err, ERR_INVALID, "%s is not a file of a training: its first line is \"%.60s\"",
                   path, *line);
}

bool csv_check(const char *path, const char *header, Error *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return errno == ENOENT || io_fault(path, err);
    char *line = NULL;
    size_t size = 0;
    const bool ok = read_header(in, path, header, &line, &size, err);
    free(line);
    fclose(in);
    return ok;
}

/* Copy the header and the rows up to `last` from `in`, which may be NULL. */
static bool copy_rows(FILE *in, FILE *out, const char *path, const char *header, int64_t last,
                      Error *err)
{
    char *line = NULL;
    size_t size = 0;
    fprintf(out, "%s\n", header);
    const bool ok = !in || read_header(in, path, header, &line, &size, err);
    while (ok && in && next_line(in, &line, &size)) {
        char *end;
        const double first = strtod(line, &end);
        if (*end == ',' && first <= (double)last)
            fprintf(out, "%s\n", line);
    }
    free(line);
    return ok;
}

bool csv_open(const char *path, const char *header, int64_t last, Csv **csv, Error *err)
{
    char *temporary = xasprintf("%s.tmp", path);
    FILE *in = fopen(path, "r");
    FILE *out = NULL;
    bool ok = in || errno == ENOENT ? true : io_fault(path, err);
    if (ok && !(out = fopen(temporary, "w")))
        ok = io_fault(temporary, err);
    ok = ok && copy_rows(in, out, path, header, last, err) && flush(out, temporary, err);
    if (ok && rename(temporary, path) != 0)
        ok = io_fault(path, err);
    if (in)
        fclose(in);
    if (ok) {
        *csv = xcalloc(1, sizeof **csv);
        **csv = (Csv){.file = out, .path = xstrdup(path)};
    } else if (out) {
        fclose(out);
        unlink(temporary);
    }
    free(temporary);
    return ok;
}

void csv_close(Csv *csv)
{
    if (!csv)
        return;
    fclose(csv->file);
    free(csv->path);
    free(csv);
}

bool csv_write(Csv *csv, const double *values, int count, Error *err)
{
    for (int i = 0; i < count; i++) {
        char text[NUMBER_TEXT];
        number_text(values[i], text);
        fprintf(csv->file, "%s%s", i ? "," : "", isnan(values[i]) ? "" : text);
    }
    fputc('\n', csv->file);
    return flush(csv->file, csv->path, err);
}

/* The numbers in a line, as far as it has them; NaN for an empty one. */
static int read_numbers(const char *line, double *values, int count)
{
    int found = 0;
    while (found < count) {
        char *end;
        values[found] = strtod(line, &end);
        if (end == line && *line != ',')
            break;
        if (end == line)
            values[found] = NAN;
        found++;
        if (*end != ',')
            break;
        line = end + 1;
    }
    return found;
}

bool csv_each(const char *path, int count, void (*row)(void *context, const double *values),
              void *context, Error *err)
{
    FILE *in = fopen(path, "r");
    if (!in)
        return io_fault(path, err);
    char *line = NULL;
    size_t size = 0;
    next_line(in, &line, &size);  // the header
    while (next_line(in, &line, &size)) {
        double values[CSV_MAX_COLUMNS];
        if (read_numbers(line, values, count) == count)
            row(context, values);
    }
    const bool ok = !ferror(in) || io_fault(path, err);
    free(line);
    fclose(in);
    return ok;
}
