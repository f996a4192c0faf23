/* server/models/model_files.h -- where the files of models are, how they come and how they go. See
 * models.h for the folders. */
#pragma once
#include "core/train/files/model_file.h"
#include "server/base/files.h"
#include "server/base/log.h"

Path model_folder_path(const char *data, int64_t id);
Path model_version_path(const char *data, int64_t id, int64_t version);

/* A path that nobody else has, for a file that is yet no version's. ERR_IO: no random numbers. */
bool model_incoming_path(const char *data, Path *path, Error *err);

/* The incoming file becomes that version's; all names are on disk. */
bool model_file_place(const char *data, const char *incoming, int64_t id, int64_t version,
                      Error *err);

/* Open a file that was found good when it came. What is wrong with it now is damage, and not the
 * fault of whoever asks: ERR_DAMAGED, with the reason "file_damaged". Else as model_file_open. */
bool model_file_open_stored(const char *path, const ModelHints *hints, ModelFile *file, Error *err);

/* True if it is gone, or never was. The folder goes with its last file. */
bool model_files_remove_version(const char *data, int64_t id, int64_t version, Error *err);
bool model_files_remove(const char *data, int64_t id, Error *err);

/* Clean up after a sudden death: incoming files go; what is neither that nor a version goes to
 * lost+found; `visit` is asked about each version that there is a file of, and false sends it there
 * too. */
typedef bool (*ModelFileVisitor)(void *context, int64_t id, int64_t version);
void model_files_settle(const char *data, Log *log, ModelFileVisitor visit, void *context);
