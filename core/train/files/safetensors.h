/* core/train/files/safetensors.h -- read and write the safetensors format, whole or not at all.
 *
 * The file is an 8-byte little-endian header length, a JSON header {"name": {"dtype", "shape",
 * "data_offsets"}, ..., "__metadata__": {"key": "text"}}, and the tensors' bytes. F32 and I64 are
 * written and read; F16, BF16 and F64 are read as F32. Tensors of other types are listed, without
 * their numbers: those who ask for one by name find that it does not fit. I64 comes first in the
 * file, so that all numbers are aligned. Writing is atomic (core/base/files/atomic_file.h): a
 * reader finds the old file or the new one, never a part.
 *
 * Files written here begin with a checksum, so the header starts {"__metadata__":{"checksum":
 * "crc32:<8 digits>". It covers the whole header, with zeros for the digits, and all data. A file
 * that starts otherwise comes from other software and is read without one. PyTorch's wrappers put
 * a word before all names ("module." of DataParallel, "_orig_mod." of torch.compile, "model." of
 * Lightning): in such a file it is taken off.
 *
 * Reading trusts nothing: lengths, offsets, overlaps, gaps, shapes, types, duplicate names and the
 * checksum are checked before a number is used.
 *
 * Errors   ERR_IO: the system refused. ERR_NOT_FOUND: no such file. ERR_INVALID: not a safetensors
 *          file, or a damaged one; the message names the file and the fault.
 * Source   https://github.com/huggingface/safetensors, "Format".
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"
#include "core/graph/graph.h"

typedef enum { SAFE_F32, SAFE_I64, SAFE_OTHER, SAFE_TYPES } SafeType;

typedef struct {
    const char *name;  // "F32"
    size_t bytes;      // of a number
} SafeTypeInfo;

extern const SafeTypeInfo SAFE_TYPE_INFO[SAFE_TYPES];

typedef struct {
    const char *name;
    int dims[GRAPH_MAX_DIMS];
    int dim_count;
    const float *data;  // plain, row by row; NULL but for SAFE_F32
    SafeType type;
    const int64_t *integers;  // SAFE_I64
    const char *stored_as;    // of a tensor that was read: "BF16"
} SafeTensor;

size_t safetensors_numbers(const SafeTensor *tensor);  // the product of its dimensions
size_t safetensors_bytes(const SafeTensor *tensor);

typedef struct {
    const char *key;
    const char *value;
} SafeMeta;

bool safetensors_write(const char *path, const SafeTensor *tensors, size_t tensor_count,
                       const SafeMeta *metadata, size_t metadata_count, Error *err);

typedef struct SafeFile SafeFile;  // an open file: everything read into memory and checked

bool safetensors_open(const char *path, SafeFile **file, Error *err);
/* The same for bytes in memory; `label` stands for the path in messages. Copies nothing but the
 * header: `bytes` must outlive the file. */
bool safetensors_parse(const char *label, const uint8_t *bytes, size_t size, SafeFile **file,
                       Error *err);
void safetensors_close(SafeFile *file);  // takes NULL

bool safetensors_has_checksum(const SafeFile *file);
size_t safetensors_count(const SafeFile *file);
const SafeTensor *safetensors_at(const SafeFile *file, size_t i);
const SafeTensor *safetensors_find(const SafeFile *file, const char *name);  // NULL if none
const char *safetensors_metadata(const SafeFile *file, const char *key);     // NULL if none
