/* server/data/intake/layout/table_labels.h -- one CSV of file, label and optionally split: its rows
 * become labelled files.
 *
 * A table of two columns whose first line names a file has no headers. Such a table, and one of
 * ids, is weak: it may as well be a list of classes, or an example of what to hand in, and counts
 * only if it names many of the files.
 *
 * Paths are taken from the table's own folder, then from the top; else they may be the end of one
 * path alone. */
#pragma once
#include "server/data/intake/layout/layout_parts.h"
#include "server/data/intake/layout/table_files.h"

/* Whether a file is called as tables are: "*.csv", "*.tsv"; and the split that such a name says. */
bool is_table_name(const char *name, size_t length);
LayoutPart part_of_table(const char *name, size_t length);

/* Add what one such file lists, if it is a table of files and labels, a weak one or not as asked
 * for. Rows of no use are left out. LAYOUT_NO: it is something else, work->note says what.
 * LAYOUT_FAULT: ERR_INVALID, a row cannot be parsed; or the file cannot be read. */
LayoutAnswer table_labels_read(LayoutWork *work, const TableFiles *files, const Child *child,
                               bool weak, Error *err);
