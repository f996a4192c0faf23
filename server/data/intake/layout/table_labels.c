#include "server/data/intake/layout/table_labels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/layout/table.h"
#include "server/data/intake/layout/utf16.h"
#include "server/data/intake/path_text.h"

enum { COLUMN_FILE, COLUMN_LABEL, COLUMN_SPLIT, COLUMNS };

static const char *const IDS[] = {"image_id", "id", NULL};
static const char *const HEADERS[COLUMNS][16] = {
    [COLUMN_FILE] = {"file", "path", "filename", "image", "file_name", "filepath", "filepaths",
                     "image_path", "image_name", "img_path", "img"},
    [COLUMN_LABEL] = {"label", "class", "labels", "category", "class_name", "target", "label_name",
                      "class_label", "class_id"},
    [COLUMN_SPLIT] = {"split", "subset", "set", "data set"},
};

/* One table while it is read. */
typedef struct {
    LayoutWork *work;
    const TableFiles *files;
    const char *path;  // of the table
    size_t folder;     // bytes of it that are its folder and "/"
    CsvTable table;
    ptrdiff_t columns[COLUMNS];  // -1: there is none
    LayoutPart part;             // by the table's name
    bool all_split;              // whether every row says its split or none need to
    size_t first_row;            // 0: there are no headers
    bool weak;                   // it may be of other things than files
} Reading;

/* The first of these names that is a column's; -1: none. */
static ptrdiff_t find_column(const CsvTable *t, const char *const *names)
{
    for (; *names; names++)
        for (size_t c = 0; c < t->rows[0].count; c++)
            if (strcasecmp(table_field(t, 0, c), *names) == 0)
                return (ptrdiff_t)c;
    return -1;
}

static bool names_file(const Reading *r, const char *raw)
{
    const IntakeLimits limits = intake_limits_default();
    char *path;
    const bool ok = path_text(raw, SLASHES_BACKWARDS, &limits, &path) == LEFT_CODES
                    && table_files_find(r->files, r->path, r->folder, path) >= 0;
    free(path);
    return ok;
}

static bool find_columns(Reading *r)
{
    const CsvTable *t = &r->table;
    r->first_row = 1;
    for (int c = 0; c < COLUMNS; c++)
        r->columns[c] = t->row_count > 0 ? find_column(t, HEADERS[c]) : -1;
    r->weak = r->columns[COLUMN_FILE] < 0;
    if (r->weak && t->row_count > 0)
        r->columns[COLUMN_FILE] = find_column(t, IDS);
    const bool two = t->row_count > 0 && t->rows[0].count == 2;
    if (two && r->columns[COLUMN_FILE] < 0 && r->columns[COLUMN_LABEL] < 0
        && names_file(r, table_field(t, 0, 0))) {
        r->columns[COLUMN_FILE] = 0;
        r->columns[COLUMN_LABEL] = 1;
        r->first_row = 0;
    }
    return r->columns[COLUMN_FILE] >= 0 && r->columns[COLUMN_LABEL] >= 0;
}

static const char *field(const Reading *r, size_t row, int column)
{
    return r->columns[column] < 0 ? "" : table_field(&r->table, row, (size_t)r->columns[column]);
}

static void bad_row(Reading *r, size_t row, LeftCode code, const char *what)
{
    const char *raw = field(r, row, COLUMN_FILE);
    char *name = name_text(*raw ? raw : r->path);
    left_out_say(&r->work->layout->left_out, code, name, "line %" PRId64 " of %.200s %s",
                 r->table.rows[row].line, r->path, what);
    free(name);
}

/* The entry that a row names; -1: none, which has been reported. */
static ptrdiff_t find_entry(Reading *r, size_t row)
{
    const IntakeLimits limits = intake_limits_default();
    char *path;
    if (path_text(field(r, row, COLUMN_FILE), SLASHES_BACKWARDS, &limits, &path) != LEFT_CODES) {
        free(path);
        bad_row(r, row, LEFT_BAD_ROW, "has no path of a file");
        return -1;
    }
    const ptrdiff_t entry = table_files_find(r->files, r->path, r->folder, path);
    free(path);
    if (entry == TABLE_FILES_NONE)
        bad_row(r, row, LEFT_MISSING, "lists it, but it is not there");
    else if (entry == TABLE_FILES_MANY)
        bad_row(r, row, LEFT_BAD_ROW, "lists it, but several files could be meant");
    return entry < 0 ? -1 : entry;
}

/* The split of a row; false: what it says is none, which has been reported. */
static bool find_part(Reading *r, size_t row, LayoutPart *part)
{
    const char *word = field(r, row, COLUMN_SPLIT);
    *part = *word ? part_of_word(word, strlen(word)) : r->part;
    if (*word && *part == PART_NONE) {
        char *what = xasprintf("has the split \"%.40s\"; it must be train, test or val", word);
        bad_row(r, row, LEFT_BAD_ROW, what);
        free(what);
        return false;
    }
    if (*part == PART_NONE && r->all_split) {
        bad_row(r, row, LEFT_BAD_ROW, "has no split, as others have");
        return false;
    }
    return true;
}

static void add_row(Reading *r, size_t row)
{
    const char *raw = field(r, row, COLUMN_LABEL);
    LayoutPart part;
    if (*raw == '\0') {
        bad_row(r, row, LEFT_BAD_ROW, "has no label");
        return;
    }
    const ptrdiff_t entry = find_entry(r, row);
    if (entry < 0 || !find_part(r, row, &part))
        return;
    char *label = name_text(raw);
    work_add(r->work, (size_t)entry, part, label, strlen(label), r->table.rows[row].line);
    free(label);
}

static void add_rows(Reading *r)
{
    for (size_t row = r->first_row; row < r->table.row_count && !r->all_split; row++)
        r->all_split = *field(r, row, COLUMN_SPLIT) != '\0';
    for (size_t row = r->first_row; row < r->table.row_count; row++)
        add_row(r, row);
}

/* Whether a label stands in several rows: a list of classes has each once. */
static bool labels_repeat(const Reading *r)
{
    const size_t count = r->table.row_count - r->first_row;
    const char **labels = xcalloc(count + 1, sizeof *labels);
    bool repeat = false;
    for (size_t i = 0; i < count; i++)
        labels[i] = field(r, r->first_row + i, COLUMN_LABEL);
    qsort(labels, count, sizeof *labels, text_order);
    for (size_t i = 1; i < count && !repeat; i++)
        repeat = strcmp(labels[i], labels[i - 1]) == 0;
    free(labels);
    return repeat;
}

/* Whether a weak table is of these files. */
static bool names_many_files(Reading *r, size_t files)
{
    const size_t rows = r->table.row_count - r->first_row;
    size_t named = 0;
    for (size_t row = r->first_row; row < r->table.row_count; row++)
        named += names_file(r, field(r, row, COLUMN_FILE));
    const bool many =
        named > 0
        && (2 * named >= files || (10 * named >= files && 2 * named >= rows && labels_repeat(r)));
    if (!many && !r->work->note) {
        r->work->note = xasprintf("%.60s names %zu of %zu files", r->path, named, files);
        text_clean(r->work->note);
    }
    return many;
}

/* What speaks against the table: the columns that it has. */
static void note_columns(Reading *r)
{
    if (r->table.row_count == 0 || r->work->note)
        return;
    const size_t count = r->table.rows[0].count;
    char *first = name_text(table_field(&r->table, 0, 0)),
         *second = name_text(table_field(&r->table, 0, 1));
    r->work->note = count == 1 ? xasprintf("%.40s has one column, \"%.30s\"", r->path, first)
                               : xasprintf("%.40s has %zu columns, \"%.20s\", \"%.20s\"%s", r->path,
                                           count, first, second, count > 2 ? ", ..." : "");
    text_clean(r->work->note);
    free(first);
    free(second);
}

/* Whether `entry` is a table of files and labels, a weak one or not; its text is parsed then,
 * `*text` from malloc. */
static LayoutAnswer open_table(Reading *r, size_t entry, bool weak, char **text, Error *err)
{
    uint8_t *bytes;
    size_t size;
    if (!source_read(r->work->source, entry, &bytes, &size, err))
        return LAYOUT_FAULT;
    char *converted = utf16_to_utf8(bytes, size, &size);
    *text = converted ? converted : (char *)bytes;
    if (converted)
        free(bytes);
    Error fault = {0};
    const bool ok = table_parse(r->path, *text, size, &r->table, &fault);
    if (!find_columns(r)) {
        note_columns(r);
        return LAYOUT_NO;
    }
    if (r->weak != weak)
        return LAYOUT_NO;
    if (!ok)
        fail_with(err, &fault);
    return ok ? LAYOUT_YES : LAYOUT_FAULT;
}

LayoutPart part_of_table(const char *name, size_t length)
{
    return part_of_word(name, length - strlen(".csv"));
}

bool is_table_name(const char *name, size_t length)
{
    return has_ending(name, length, ".csv") || has_ending(name, length, ".tsv");
}

static size_t count_other_files(const Listing *listing)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const char *path = listing->entries[i].path;
        count += !is_table_name(path, strlen(path));
    }
    return count;
}

LayoutAnswer table_labels_read(LayoutWork *work, const TableFiles *files, const Child *child,
                               bool weak, Error *err)
{
    const char *path = work->listing->entries[child->first].path;
    Reading r = {.work = work,
                 .files = files,
                 .path = path,
                 .folder = (size_t)(child->name - path),
                 .part = part_of_table(child->name, child->length)};
    char *text = NULL;
    LayoutAnswer answer = open_table(&r, child->first, weak, &text, err);
    if (answer == LAYOUT_YES && weak && !names_many_files(&r, count_other_files(work->listing)))
        answer = LAYOUT_NO;
    if (answer == LAYOUT_YES) {
        add_rows(&r);
        left_out_add(&work->layout->left_out, LEFT_TABLE, path);
    }
    table_free(&r.table);
    free(text);
    return answer;
}
