/* server/data/decoder/decoder.h -- one decoder process, as its parent sees it.
 *
 * The child is this program, run anew as a hidden command: a daemon of many threads cannot fork and
 * go on. It has a process group of its own, so that Ctrl-C is its parent's affair, none of the
 * parent's descriptors and next to nothing of its environment, and dies with the thread that
 * started it. See sandbox.h for what it may do, decoder_protocol.h for what is said.
 *
 * A child that dies, says nonsense or takes too long is replaced by the next one. That costs the
 * file that it was at; those that waited in other slots are given to the new child.
 */
#pragma once
#include "server/data/decoder/decoder_protocol.h"

typedef struct {
    ImageSpec image;
    DecodeLimits limits;
    size_t most_bytes;       // of a file
    double seconds;          // that a picture may take; 0: 30
    const char *executable;  // NULL: this program
} DecoderConfig;

typedef struct Decoder Decoder;

/* Starts a child and waits until it is ready. ERR_IO: it cannot be started. */
bool decoder_new(const DecoderConfig *config, Decoder **decoder, Error *err);
void decoder_free(Decoder *d);        // ends the child, whatever it is at; takes NULL
int decoder_walls(const Decoder *d);  // SandboxWalls of the child

/* A buffer of most_bytes for the next file; NULL: all slots are taken. */
uint8_t *decoder_buffer(Decoder *d);
/* Decode the `size` bytes in that buffer; `ticket` comes back with the answer. ERR_IO: there was no
 * child any more, and no new one can be started. */
bool decoder_submit(Decoder *d, uint64_t ticket, size_t size, Error *err);

/* The same with another image, of no more pixels than the config's, and without traits. */
bool decoder_submit_as(Decoder *d, uint64_t ticket, size_t size, const ImageSpec *image,
                       Error *err);

int decoder_pending(const Decoder *d);  // files that have not come back
/* A descriptor to poll for reading, and how many milliseconds at most; -1: nothing is pending. */
int decoder_descriptor(const Decoder *d);
int decoder_patience_ms(const Decoder *d);

typedef struct {
    uint64_t ticket;
    const uint8_t *pixels;  // (size, size, channels), until the next decoder_buffer; NULL: left out
    int width, height;      // of the file's picture, upright
    const char *format;     // "JPEG"; until the next decoder_collect, as the next two
    Traits traits;
    const char *code;  // why it was left out: a word for programs and a sentence
    const char *reason;
} DecodedFile;

/* Take an answer, or the end of a child, if there is one: *came says so. Never waits, but for a new
 * child to start. Errors as decoder_submit. */
bool decoder_collect(Decoder *d, DecodedFile *file, bool *came, Error *err);
