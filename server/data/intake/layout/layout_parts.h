/* server/data/intake/layout/layout_parts.h -- what layouts share: folders of a listing, and
 * labelled files on their way to a Layout. For layouts only. */
#pragma once
#include "server/data/intake/layout/layout.h"
#include "server/data/intake/left_out.h"

/* What a folder, a column or a file's name says of the split. */
typedef enum { PART_NONE, PART_TRAIN, PART_TEST, PART_VALIDATION } LayoutPart;

/* "train", "training", "test", "testing", "val", "valid", "validation", in any case; PART_NONE:
 * none of these. `length` bytes of `word`. */
LayoutPart part_of_word(const char *word, size_t length);

typedef struct {
    size_t entry;
    LayoutPart part;
    char *class_name;
    int64_t line;  // of a table; 0: none
} Labelled;

/* A layout while it is looked for. */
typedef struct {
    Source *source;
    const Listing *listing;
    Layout *layout;
    Labelled *files;
    size_t count, room;
    char *note;  // what spoke against a layout that nearly was one; NULL: nothing
} LayoutWork;

typedef enum { LAYOUT_NO, LAYOUT_YES, LAYOUT_FAULT } LayoutAnswer;
typedef LayoutAnswer LayoutRecogniser(LayoutWork *work, Error *err);

LayoutRecogniser layout_idx, layout_table, layout_split_folders, layout_class_folders;

/* A file or folder in a folder: entries first to first + count - 1. */
typedef struct {
    const char *name;  // `length` bytes, then "/" or the end
    size_t length;
    size_t first, count;
    bool is_folder;
} Child;

typedef struct {
    Child *items;
    size_t count, room;
    size_t folders;  // how many of them
} Children;

/* What lies directly in the folder whose path and "/" are the first `length` bytes of `prefix`,
 * sorted by name; folders that have files only. Free `items`. */
Children children_of(const Listing *listing, const char *prefix, size_t length);

/* The folder, as a prefix of a path, in which everything lies that counts: below folders that are
 * alone. TOP_OF_TABLES stops at tables and IDX files; TOP_OF_FOLDERS passes by them, and stops at a
 * folder without folders: that is a class. From malloc. */
typedef enum { TOP_OF_TABLES, TOP_OF_FOLDERS } Top;
char *layout_top(const Listing *listing, Top top);

/* Whether the name ends in `ending`, ".csv" say, in any case. */
bool has_ending(const char *name, size_t length, const char *ending);

/* Append a labelled file, with a copy of the class's name, its letters composed. */
void work_add(LayoutWork *work, size_t entry, LayoutPart part, const char *class_name,
              size_t length, int64_t line);
/* All folders in `prefix` as classes; other files there are left out. Folders without files become
 * warnings. */
void work_add_classes(LayoutWork *work, const char *prefix, size_t length, LayoutPart part);
void work_leave_out(LayoutWork *work, size_t first, size_t count, const char *reason);
void work_warn(LayoutWork *work, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Turn the labelled files into the layout's classes and items. ERR_INVALID: too few classes, or too
 * many. */
bool work_finish(LayoutWork *work, Error *err);

/* Fail with what was found and what is expected. */
bool layout_unknown(const LayoutWork *work, Error *err);
