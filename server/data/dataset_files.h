/* server/data/dataset_files.h -- where the files of data sets are, and how they go.
 *
 *     DATA/datasets/set_3/     one folder per set that has files
 *         source               the archive that was uploaded; gone once it is imported
 *         pixels/              the packed pictures (core/data/packed/packed.h) and what the import
 *                              found, report.json; whole or not there
 *         pixels.tmp-*         being written
 *         report.json          what an import that failed had found
 */
#pragma once
#include "server/base/files.h"
#include "server/base/log.h"

Path dataset_folder_path(const char *data, int64_t id);
Path dataset_source_path(const char *data, int64_t id);
Path dataset_pixels_path(const char *data, int64_t id);
Path dataset_pixels_report_path(const char *data, int64_t id);
Path dataset_report_path(const char *data, int64_t id);

bool dataset_folder_make(const char *data, int64_t id, Error *err);  // and its name is on disk

/* Remove files of a set: all with the folder; all that an import makes, or of that the pixels; the
 * source. True if they are gone, or never were. */
bool dataset_files_remove(const char *data, int64_t id, Error *err);
bool dataset_files_remove_import(const char *data, int64_t id, Error *err);
bool dataset_files_remove_pixels(const char *data, int64_t id, Error *err);
bool dataset_files_remove_source(const char *data, int64_t id, Error *err);

int64_t dataset_source_bytes(const char *data, int64_t id);
int64_t dataset_files_bytes(const char *data, int64_t id);  // of all that is there

/* Whether datasets/ holds the folder of no set, as one that a disk is mounted over later. */
bool dataset_files_none(const char *data);

/* Call `visit` for each folder of a set; what has another name goes to lost+found. */
void dataset_files_each(const char *data, Log *log, void (*visit)(void *context, int64_t id),
                        void *context);
