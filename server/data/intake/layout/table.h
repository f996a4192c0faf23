/* server/data/intake/layout/table.h -- tables of text: RFC 4180, as spreadsheets write it.
 *
 * Fields are separated by commas, or by semicolons or tabs where the first line has those and no
 * comma; lines end with LF, CRLF or CR. A field in quotes may hold separators, line ends and, twice
 * each, quotes. Spaces around a field without quotes do not count, nor does a byte order mark.
 * Lines without any text are skipped, and so is the line "sep=;" before all that Excel reads.
 *
 * Errors   ERR_INVALID, with the line: a quoted field that does not end, or with text behind it;
 *          bytes of zero, as UTF-16 has them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct {
    size_t first;  // of its fields
    size_t count;
    int64_t line;  // on which it begins, from 1
} TableRow;

typedef struct {
    char **fields;  // into the text that was parsed
    size_t field_count, field_room;
    TableRow *rows;  // the first is the header
    size_t row_count, row_room;
} CsvTable;

/* `text` has a NUL at text[size], is changed, and must outlive the table. `label` names it in
 * messages. On failure, the table has the rows before the fault. Free it with table_free. */
bool table_parse(const char *label, char *text, size_t size, CsvTable *table, Error *err);
void table_free(CsvTable *table);

/* A field of a row; "" where the row is too short. */
const char *table_field(const CsvTable *table, size_t row, size_t column);
