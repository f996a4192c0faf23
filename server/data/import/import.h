/* server/data/import/import.h -- from a folder or an archive of pictures to a packed set.
 *
 * Lists the source, finds its layout, decodes every picture once in processes of their own
 * (server/data/decoder/decoder.h), finds duplicates, assigns the split where the source has none,
 * and writes a packed set (core/data/packed/packed.h) with three files more in its folder:
 *
 *   report.json               the report, whole
 *   train.names  test.names   a line for each picture, in the order of the pixels: its path in the
 *                             source, which has no control characters
 *
 * Whole or not at all: until import_run returns true nothing is at `folder`, or the empty folder
 * that was there, and a failure leaves nothing else behind. (A process that is killed while it
 * writes leaves a temporary folder, which the next import beside it removes.) Same source, settings
 * and version give the same files, whatever the number of decoders; an archive gives the pixels and
 * labels of the folder that it unpacks to.
 *
 * Memory   some 300 bytes for each picture, pixel_memory, and the decoders' own.
 * Errors   those of the source and its layout; ERR_INVALID also: no picture could be used.
 *          ERR_CONFLICT: something is at `folder` already, and no empty folder. ERR_STOPPED:
 *          progress said no. ERR_IO, ERR_NO_SPACE.
 */
#pragma once
#include "core/data/decode/prepare.h"
#include "server/data/import/report/report.h"
#include "server/data/intake/limits.h"

/* `done` of `total` pictures have been decoded; `total` is 0 while the source is listed. Answers
 * "go on?"; called often, also while nothing moves. */
typedef bool ImportProgress(void *context, int64_t done, int64_t total);

typedef struct {
    const char *source;  // a folder, or a file: zip, tar, tar.gz
    const char *label;   // what messages call it; NULL: its path
    bool no_links;       // its path was resolved: a link in it is refused
    const char *folder;  // the set's; its parent is there
    ImageSpec image;
    double test_share;  // of a source without a split: 0 to 0.9
    uint64_t seed;      // of that split

    int jobs;                    // decoders side by side; 0: 1
    size_t pixel_memory;         // bytes of pixels that wait in memory; the others do in a file
    const IntakeLimits *intake;  // NULL: the default ones
    const DecodeLimits *decode;  // NULL: the default ones
    double picture_seconds;      // that decoding one picture may take; 0: 30
    const char *executable;      // that becomes the decoders; NULL: this program

    ImportProgress *progress;  // may be NULL
    void *context;
} ImportConfig;

/* Fills *report, to be freed with import_report_free, also on failure: it then says what was left
 * out by then, and why. */
bool import_run(const ImportConfig *config, ImportReport *report, Error *err);
