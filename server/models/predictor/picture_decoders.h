/* server/models/predictor/picture_decoders.h -- pictures from strangers to pixels, by decoder
 * processes that are kept.
 *
 * The same processes, and the same decode path, as an import has (server/data/decoder/decoder.h). A
 * picture that ends a process costs itself alone: the next one has a new process.
 *
 * Threads   any number of calls at once; so many pictures are decoded at a time as there are
 *           processes. A process dies with the thread that started it, so threads that call this
 *           should live long.
 * Errors    ERR_INVALID: the picture's, with the reasons of decode.h, or "decoder_died" or
 *           "decoder_timeout". ERR_CONFLICT with the reason "busy": no process was free in time.
 *           ERR_IO: none can be started.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/data/decode/decode.h"
#include "core/data/decode/image_spec.h"

typedef struct {
    int processes;      // at most; each is started when it is first needed
    size_t most_bytes;  // of a picture file
    DecodeLimits limits;
    double seconds;          // that a picture may take
    const char *executable;  // NULL: this program
} PictureDecodersConfig;

typedef struct PictureDecoders PictureDecoders;

PictureDecoders *picture_decoders_new(const PictureDecodersConfig *config);
void picture_decoders_free(PictureDecoders *d);  // ends the processes; takes NULL

typedef struct {
    int64_t decoded, failed;  // pictures, since the start
    int processes;            // now
} PictureDecodersCounts;

PictureDecodersCounts picture_decoders_counts(PictureDecoders *d);

/* As prepare_picture: pixels (size, size, channels) by `spec`. Waits `seconds` at most for a
 * process to be free. */
bool picture_decoders_run(PictureDecoders *d, const uint8_t *bytes, size_t size,
                          const ImageSpec *spec, double seconds, uint8_t *pixels, Error *err);
