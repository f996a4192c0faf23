/* server/data/intake/left_out.h -- why something is left out: codes for programs, sentences for
 * people. */
#pragma once
#include "server/data/intake/source/listing.h"

typedef enum {
    LEFT_LINK,           // "link": a symbolic or hard link
    LEFT_SPECIAL,        // "special_file": a device, pipe or socket
    LEFT_ABSOLUTE,       // "absolute_path"
    LEFT_CLIMBING,       // "climbing_path": has ".."
    LEFT_NAMELESS,       // "no_name": nothing is left of its path
    LEFT_TOO_DEEP,       // "path_too_deep"
    LEFT_TOO_LONG,       // "path_too_long"
    LEFT_TOO_LARGE,      // "too_large"
    LEFT_REPLACED,       // "replaced": another entry of the same path comes later
    LEFT_UNREADABLE,     // "unreadable": a folder or file that the system does not let us read
    LEFT_SYSTEM,         // "system_file": kept by the system, no picture
    LEFT_OUTSIDE,        // "outside_layout": beside the folders of classes, not listed in a table
    LEFT_MISSING,        // "missing_file": a table lists it and it is not there
    LEFT_BAD_ROW,        // "bad_row": a row of a table without a file, a label or a known split
    LEFT_TABLE,          // "table": a table that says what the files are, no picture itself
    LEFT_OTHER_LISTING,  // "listed_twice": a table lists it again
    LEFT_CODES,
} LeftCode;

const char *left_code_name(LeftCode code);

/* Append a row. Takes its path and reason; its code stays the caller's. */
void left_out_put(LeftOutList *list, LeftOut row);
void left_out_copy(LeftOutList *list, const LeftOutList *from);  // append copies

/* Append a row with the code's own sentence, or with one of its own. Copies `path`. */
void left_out_add(LeftOutList *list, LeftCode code, const char *path);
void left_out_say(LeftOutList *list, LeftCode code, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void left_out_sort(LeftOutList *list);  // by path, then code, then sentence
void left_out_free(LeftOutList *list);
