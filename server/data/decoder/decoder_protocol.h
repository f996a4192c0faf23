/* server/data/decoder/decoder_protocol.h -- what a decoder process and its parent say to each
 * other.
 *
 * They share a piece of memory of fixed size and a socket that keeps messages apart. The memory
 * begins with a DecoderSetup, which the parent has written before the child starts; DECODER_SLOTS
 * slots follow, each with room for the bytes of a file and for the prepared pixels. The parent puts
 * a file into a slot and sends a DecoderRequest; the child answers each with a DecoderAnswer, in
 * the order of the requests, and greets with a DecoderHello before the first.
 *
 * Both are the same program, so structs travel as they are. The parent believes nothing that the
 * child says: its code runs on bytes from strangers.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/decode/prepare.h"
#include "server/data/decoder/traits.h"

/* The command of the program that becomes the child; nobody is told of it by --help. */
#define DECODER_COMMAND "decode-pictures"

enum {
    DECODER_SOCKET = 3,  // descriptors of the child, besides 0 to 2, which are /dev/null
    DECODER_MEMORY = 4,
    DECODER_SLOTS = 8,  // files that wait while one is decoded: each wake-up may be late
    DECODER_REASON = 240,
    DECODER_CODE = 32,
    DECODER_FORMAT = 16,
    DECODER_MAGIC = 0x67646331,
};

typedef struct {
    uint32_t magic;
    uint32_t bytes;  // of this struct
    ImageSpec image;
    DecodeLimits limits;
    size_t most_bytes;  // of a file
    size_t memory;      // that the child may take for its work
} DecoderSetup;

typedef struct {
    int walls;  // SandboxWalls
} DecoderHello;

typedef struct {
    uint64_t size;  // of the file in the slot
    int32_t slot;
    int32_t plain;    // 1: no traits are asked for
    ImageSpec image;  // needs no more room than the setup's
} DecoderRequest;

typedef struct {
    int32_t slot;
    int32_t prepared;       // 1: pixels and what follows are there; 0: the reason is
    int32_t width, height;  // of the file's picture, upright
    char format[DECODER_FORMAT];
    Traits traits;
    char code[DECODER_CODE];      // of the reason, for programs; may be empty
    char reason[DECODER_REASON];  // one line
} DecoderAnswer;

/* ---- Where things are in the shared memory ---- */

static inline size_t decoder_page(size_t bytes)
{
    return (bytes + 4095) / 4096 * 4096;
}

static inline size_t decoder_pixel_bytes(const ImageSpec *image)
{
    return (size_t)image->size * (size_t)image->size * (size_t)image->channels;
}

static inline size_t decoder_slot_bytes(const DecoderSetup *s)
{
    return decoder_page(decoder_pixel_bytes(&s->image)) + decoder_page(s->most_bytes);
}

static inline size_t decoder_memory_bytes(const DecoderSetup *s)
{
    return decoder_page(sizeof *s) + DECODER_SLOTS * decoder_slot_bytes(s);
}

/* `memory` is where the shared memory is mapped; `s` is the caller's own copy of the setup there,
 * which the other side cannot change. */
static inline uint8_t *decoder_pixels(uint8_t *memory, const DecoderSetup *s, int slot)
{
    return memory + decoder_page(sizeof *s) + (size_t)slot * decoder_slot_bytes(s);
}

static inline uint8_t *decoder_bytes(uint8_t *memory, const DecoderSetup *s, int slot)
{
    return decoder_pixels(memory, s, slot) + decoder_page(decoder_pixel_bytes(&s->image));
}
