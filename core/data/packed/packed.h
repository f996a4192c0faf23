/* core/data/packed/packed.h -- packed sets: pictures decoded once, stored as the bytes that
 * training maps.
 *
 * A packed set is a folder:
 *
 *   set.index     text: what the set is (core/data/packed/packed_index.h)
 *   train.pixels  test.pixels   (count, height, width, channels), uint8
 *   train.labels  test.labels   (count), uint16, least significant byte first
 *
 * It is written whole or not at all: into a folder beside it, "<folder>.tmp-<12 hexadecimal
 * digits>", which is renamed when all of it is on disk. Until packed_finish returns true nothing is
 * at `folder`, or the empty folder that was there. A writer locks (flock) its temporary folder; one
 * without a lock was left by a process that died, and the next packed_create beside it removes it.
 *
 * Pixels are mapped, so a set may be larger than memory; labels are read. packed_open checks the
 * index's checksum, the sizes of all files and the range of every label, and does not read the
 * pixels: packed_verify does. A file that is changed or shortened later, or a disk that fails, is
 * found by dataset_intact (core/data/dataset.h).
 *
 * Errors   ERR_NOT_FOUND: no such folder, or a file of it is missing. ERR_CONFLICT: packed_create
 *          where there is something already, but for an empty folder. ERR_INVALID: a name, a size
 *          or a label that cannot be. ERR_DAMAGED: files that contradict the index or their
 *          checksums. ERR_IO, ERR_NO_SPACE.
 */
#pragma once
#include "core/data/dataset.h"
#include "core/data/packed/packed_index.h"

typedef struct PackedWriter PackedWriter;

/* Copies `info`. The folder's parent must be there. */
bool packed_create(const char *folder, const PackedInfo *info, PackedWriter **writer, Error *err);
/* One picture, (height, width, channels). After a failure every later call fails too. */
bool packed_add(PackedWriter *writer, PackedSplit split, int label, const uint8_t *pixels,
                Error *err);
/* The temporary folder. Files that are put there, and are on disk, come with the set: they are
 * named and removed with it, and are no part of its digest. */
const char *packed_folder(const PackedWriter *writer);
/* Frees the writer, also on failure, which leaves nothing behind. `digest` (may be NULL) becomes
 * that of the set. ERR_INVALID: no picture is for training. */
bool packed_finish(PackedWriter *writer, char digest[PACKED_DIGEST], Error *err);
void packed_abandon(PackedWriter *writer);  // frees it and removes what was written; takes NULL

/* Whether the folder has a set.index, or may have one: it cannot be looked at, and packed_open says
 * why. */
bool packed_is(const char *folder);
/* Whether the folder has any of the other files of a packed set: without an index, that was lost.
 */
bool packed_has_parts(const char *folder);
/* Whether dataset_open would find its files: names and permissions only. */
bool packed_present(const char *folder, Error *err);
bool packed_open(const char *folder, Dataset **dataset, Error *err);
/* The index alone, which says what the set is; free it with packed_index_free. */
bool packed_read_index(const char *folder, PackedIndex **index, Error *err);

/* Reads every byte and compares the checksums. `go_on` (may be NULL) is asked between pieces;
 * ERR_STOPPED if it says no. ERR_DAMAGED names the file. */
typedef bool PackedGoOn(void *context);
bool packed_verify(const char *folder, PackedGoOn *go_on, void *context, Error *err);
