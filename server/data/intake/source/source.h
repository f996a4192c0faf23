/* server/data/intake/source/source.h -- a folder or an archive file, read in two passes.
 *
 *     Source *source;
 *     source_open(path, &options, &source, err);        lists it: pass one
 *     layout_find(source, &layout, err);                labels (server/data/intake/layout/layout.h)
 *     source_begin(source, wanted, err);                pass two: bytes
 *     while ((step = source_next(source, &file, err)) == SOURCE_FILE) ...
 *     source_free(source);
 *
 * DESIGN  Nothing is unpacked to disk: an archive is read from its file once to list it and once
 * for the bytes, and names from clients never reach the file system. A folder is walked by openat()
 * from its own descriptor and files are opened name by name with O_NOFOLLOW, so no link leads out,
 * also if somebody changes the folder meanwhile. (The folder that is named itself may be a link.)
 * Archives are zip, tar and tar.gz, told apart by content. An archive that is damaged, cut off or
 * encrypted, or passes a limit, is an error of the whole: what came before it must not be used, so
 * nothing of an import may be kept before source_next has returned SOURCE_END.
 *
 * A source belongs to one thread, and has one pass at a time.
 *
 * Errors   ERR_NOT_FOUND: nothing at `path`. ERR_INVALID: neither folder nor archive; damaged, cut
 *          off, encrypted; a limit is passed. ERR_IO. ERR_NO_MEMORY: one file does not fit.
 */
#pragma once
#include "core/base/error.h"
#include "server/data/intake/limits.h"
#include "server/data/intake/source/listing.h"

typedef struct Source Source;

/* Copies the options. When go_on() answers no, now or in a later call: ERR_STOPPED. */
bool source_open(const char *path, const SourceOptions *options, Source **source, Error *err);
void source_free(Source *source);  // ends a pass; takes NULL

const Listing *source_listing(const Source *source);
const char *source_label(const Source *source);  // for messages
const char *source_kind(const Source *source);   // "folder", "zip", "tar" or "tar.gz"

typedef struct {
    size_t entry;          // index in the listing
    const uint8_t *bytes;  // until the next call
    size_t size;
} SourceFile;

typedef enum {
    SOURCE_FILE,        // *file is filled
    SOURCE_UNREADABLE,  // file->entry cannot be read, err says why; go on
    SOURCE_END,         // every wanted entry has come, and an archive is whole
    SOURCE_FAILED,      // err says why; the pass is over
} SourceStep;

/* Start over. Files come in an order of the source's own: a folder's by path, an archive's as they
 * lie in it. `wanted` has a flag for each entry of the listing and must outlive the pass; NULL:
 * all. Ends a pass that is under way. */
bool source_begin(Source *source, const bool *wanted, Error *err);
SourceStep source_next(Source *source, SourceFile *file, Error *err);

/* All of one entry, from malloc, with a NUL behind it; in a pass of its own. */
bool source_read(Source *source, size_t entry, uint8_t **bytes, size_t *size, Error *err);
