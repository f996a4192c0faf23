/* core/data/mnist/stream.h -- the bytes of a file, or of memory, by zlib's gzread: unpacked on the
 * way when they are gzip.
 *
 * Whether they are gzip is told by their first two bytes (1f 8b), not by the name. Several gzip
 * members behind one another are one stream, and what follows the last is ignored, as by gzip
 * itself. A stream hands out only what it is asked for, so the reader's own bounds are the bounds
 * of what is ever unpacked.
 *
 * Errors   ERR_NOT_FOUND: no such file. ERR_IO: the system refused. ERR_INVALID: not a regular
 *          file, or damaged gzip. ERR_NO_MEMORY: zlib's working memory.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct Stream Stream;

bool stream_open(const char *path, Stream **stream, Error *err);
/* Reads a copy of `bytes`; `label` stands for the path in messages. */
bool stream_open_memory(const char *label, const uint8_t *bytes, size_t size, Stream **stream,
                        Error *err);
void stream_close(Stream *stream);  // takes NULL

/* Read up to `want` bytes; *got is less only at the end. */
bool stream_read(Stream *stream, uint8_t *dst, size_t want, size_t *got, Error *err);

/* The end was reached inside a gzip member: the file has been cut off. */
bool stream_is_cut(Stream *stream);

/* The path or label for messages; of a long one the end, so that the fault still fits. */
const char *stream_name(const Stream *stream);
