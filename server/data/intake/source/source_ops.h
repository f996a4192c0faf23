/* server/data/intake/source/source_ops.h -- what folders and archives share; for sources only. */
#pragma once
#include "server/data/intake/path_text.h"
#include "server/data/intake/source/source.h"

typedef struct {
    bool (*begin)(Source *source, const bool *wanted, Error *err);
    SourceStep (*next)(Source *source, SourceFile *file, Error *err);
    void (*end)(Source *source);    // of a pass, or of none
    void (*close)(Source *source);  // frees what the source has beside this struct
} SourceOps;

/* The first member of each kind's own struct. */
struct Source {
    const SourceOps *ops;
    const char *kind;
    IntakeLimits limits;
    char *label;
    SourceOptions options;  // points to these two
    Listing listing;
};

/* Both take the descriptor and list what is there; on failure too, the source is to be freed. */
bool folder_source_open(Source *source, int fd, Error *err);
bool archive_source_open(Source *source, int fd, Error *err);
Source *folder_source_new(void);
Source *archive_source_new(void);

/* Count something that is listed. ERR_INVALID: more than the limit. */
bool source_count(Source *source, Error *err);

/* Put a file into the listing, or among what is left out. ERR_INVALID: with it the files have more
 * bytes than the limit. */
bool source_add_file(Source *source, const char *raw, Slashes slashes, int64_t size, Error *err);
/* The same for a folder; whether it is of use, so that a walk goes into it. */
bool source_add_folder(Source *source, const char *raw, Slashes slashes);
/* Leave out something that is neither, unless its path is a reason of its own. */
void source_leave_out(Source *source, const char *raw, Slashes slashes, LeftCode code);
