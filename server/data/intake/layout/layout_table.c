/* server/data/intake/layout/layout_table.c -- CSVs of files and labels, which list each file once.
 *
 * Where no table has plain headers, weak ones are asked (table_labels.h). Several tables are one
 * set if each is named after its split: train.csv, test.csv. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/layout/layout_parts.h"
#include "server/data/intake/layout/table_labels.h"

/* The tables in a folder, which are more than one only if all are named after splits. */
static LayoutAnswer read_tables(LayoutWork *work, const Children *children, bool weak,
                                bool *is_table, Error *err)
{
    TableFiles *files = table_files_new(work->listing);
    size_t tables = 0, named = 0;
    LayoutAnswer answer = LAYOUT_NO;
    for (size_t i = 0; i < children->count && answer != LAYOUT_FAULT; i++) {
        const Child *child = &children->items[i];
        if (child->is_folder || !is_table_name(child->name, child->length))
            continue;
        const LayoutAnswer one = table_labels_read(work, files, child, weak, err);
        is_table[child->first] = one == LAYOUT_YES;
        tables += one == LAYOUT_YES;
        named += one == LAYOUT_YES && part_of_table(child->name, child->length) != PART_NONE;
        answer = one == LAYOUT_NO ? answer : one;
    }
    table_files_free(files);
    if (answer == LAYOUT_YES && tables > 1 && named < tables) {
        fail(err, ERR_INVALID,
             "%.200s has %zu tables of files and labels; several must be named after their splits: "
             "train.csv, test.csv",
             source_label(work->source), tables);
        return LAYOUT_FAULT;
    }
    return answer;
}

static int compare_files(const void *one, const void *other)
{
    const Labelled *a = one, *b = other;
    if (a->entry != b->entry)
        return a->entry < b->entry ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* Of rows about one file, sorted, keeps the first if all agree, and none if they do not. */
static size_t settle_rows(LayoutWork *work, size_t first, size_t count, size_t kept)
{
    Labelled *files = work->files;
    const char *path = work->listing->entries[files[first].entry].path;
    size_t differs = 0;
    for (size_t i = first + 1; i < first + count && !differs; i++)
        if (strcmp(files[i].class_name, files[first].class_name) != 0
            || files[i].part != files[first].part)
            differs = i;
    if (differs)
        left_out_say(&work->layout->left_out, LEFT_BAD_ROW, path,
                     "lines %" PRId64 " and %" PRId64
                     " give it different labels or splits: \"%.100s\" and \"%.100s\"",
                     files[first].line, files[differs].line, files[first].class_name,
                     files[differs].class_name);
    for (size_t i = first + !differs; i < first + count; i++) {
        if (!differs)
            left_out_say(&work->layout->left_out, LEFT_OTHER_LISTING, path,
                         "line %" PRId64 " lists it again; it is used once", files[i].line);
        free(files[i].class_name);
    }
    if (!differs)
        files[kept] = files[first];
    return kept + !differs;
}

/* Each file once; files that no row lists are left out. */
static void settle(LayoutWork *work, bool *is_used)
{
    qsort(work->files, work->count, sizeof *work->files, compare_files);
    size_t kept = 0;
    for (size_t i = 0, count; i < work->count; i += count) {
        count = 1;
        while (i + count < work->count && work->files[i + count].entry == work->files[i].entry)
            count++;
        is_used[work->files[i].entry] = true;
        kept = settle_rows(work, i, count, kept);
    }
    work->count = kept;
    for (size_t i = 0; i < work->listing->count; i++)
        if (!is_used[i])
            work_leave_out(work, i, 1, "no table lists it");
}

/* What speaks against the table: the first file that is not there, else its first row. */
static void note_rows(LayoutWork *work)
{
    const LeftOutList *left_out = &work->layout->left_out;
    const char *missing = NULL;
    for (size_t i = 0; i < left_out->count && !missing; i++)
        if (strcmp(left_out->items[i].code, left_code_name(LEFT_MISSING)) == 0)
            missing = left_out->items[i].path;
    free(work->note);
    work->note =
        missing
            ? xasprintf("a table is there, but not the files that it lists, such as %.50s", missing)
            : xasprintf("a table is there, but no row of use%s%.90s",
                        left_out->count > 0 ? ": " : "",
                        left_out->count > 0 ? left_out->items[0].reason : "");
    text_clean(work->note);
}

LayoutAnswer layout_table(LayoutWork *work, Error *err)
{
    char *top = layout_top(work->listing, TOP_OF_TABLES);
    Children children = children_of(work->listing, top, strlen(top));
    bool *is_used = xcalloc(work->listing->count + 1, sizeof *is_used);
    LayoutAnswer answer = LAYOUT_NO;
    for (int weak = 0; weak < 2 && answer == LAYOUT_NO; weak++) {
        answer = read_tables(work, &children, weak, is_used, err);
        if (answer == LAYOUT_YES && work->count == 0) {
            // Others may know it; what the table's rows brought is of no use to them.
            note_rows(work);
            left_out_free(&work->layout->left_out);
            answer = LAYOUT_NO;
        }
    }
    if (answer == LAYOUT_YES) {
        settle(work, is_used);
        answer = work_finish(work, err) ? LAYOUT_YES : LAYOUT_FAULT;
    }
    free(is_used);
    free(children.items);
    free(top);
    return answer;
}
