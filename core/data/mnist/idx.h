/* core/data/mnist/idx.h -- reads IDX files, the format of MNIST: a magic number, sizes, bytes.
 *
 *   labels   00 00 08 01, count,                u8 x count
 *   images   00 00 08 03, count, height, width, u8 x count x height x width
 *
 * All numbers are 32 bits, most significant byte first. The file may be gzip. Nothing of it is
 * trusted: memory grows with the bytes that really come and never beyond what the header promises,
 * so neither a lying header nor a gzip bomb can ask for more.
 *
 * Errors   ERR_NOT_FOUND, ERR_IO: as stream.h. ERR_INVALID: wrong magic number, sizes outside the
 *          limits below, cut off, bytes after the end, damaged gzip; the message names file and
 *          fault. ERR_NO_MEMORY: the bytes do not fit.
 * Source   http://yann.lecun.com/exdb/mnist/, "File formats for the MNIST database".
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define IDX_MAX_BYTES (UINT64_C(1) << 32)  // of one file's items
enum { IDX_MAX_SIDE = 4096 };              // pixels

/* What the file must hold; the value is its number of dimensions. */
typedef enum {
    IDX_LABELS = 1,
    IDX_IMAGES = 3,
} IdxKind;

typedef struct {
    int count;      // labels or images, at least 1
    int height;     // pixels; 1 for labels
    int width;      // pixels; 1 for labels
    uint8_t *data;  // (count, height, width)
} Idx;

bool idx_read(const char *path, IdxKind kind, Idx *idx, Error *err);
/* The same for a file's bytes in memory; `label` stands for the path in messages. */
bool idx_parse(const char *label, const uint8_t *bytes, size_t size, IdxKind kind, Idx *idx,
               Error *err);
void idx_free(Idx *idx);  // frees `data`; *idx may be all zeros
