/* tests/fuzz/fuzz_picture.c -- any bytes at all are a picture or are refused with a sentence.
 *
 * PNG chunks carry checksums, which no mutation would ever get right: they are mended after each,
 * in seven of eight inputs. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/numbers/byte_order.h"
#include "core/base/text.h"
#include "core/data/decode/prepare.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);

static const DecodeLimits LIMITS = {.max_pixels = 1 << 18, .max_memory = 1 << 24};

static void check_refusal(const Error *err)
{
    assert(err->code == ERR_INVALID || err->code == ERR_NO_MEMORY);
    assert((err->code == ERR_INVALID) == (err->reason != NULL));
    assert(err->message[0] && utf8_valid(err->message) && !strchr(err->message, '\n'));
}

static void decode(const uint8_t *bytes, size_t size)
{
    Error err = {0};
    DecodedPicture p = {0};
    if (!decode_picture(NULL, bytes, size, &LIMITS, &p, &err)) {
        assert(p.pixels == NULL);
        check_refusal(&err);
        return;
    }
    assert(p.channels == 1 || p.channels == 3);
    assert(p.width >= 1 && p.height >= 1 && (int64_t)p.width * p.height <= LIMITS.max_pixels);
    // Touch every promised byte: AddressSanitizer knows how many are there.
    const size_t count = (size_t)p.width * (size_t)p.height * (size_t)p.channels;
    uint8_t highest = 0;
    for (size_t i = 0; i < count; i++)
        highest = p.pixels[i] > highest ? p.pixels[i] : highest;
    p.pixels[count - 1] = highest;
    decoded_picture_free(&p);
}

static void prepare(const uint8_t *bytes, size_t size)
{
    static const ImageSpec SPECS[] = {
        {1, 13, FIT_CROP, FILTER_BICUBIC},
        {3, 16, FIT_PAD, FILTER_BILINEAR},
    };
    for (size_t i = 0; i < 2; i++) {
        Error err = {0};
        PictureFacts facts = {0};
        const size_t pixels = (size_t)(SPECS[i].size * SPECS[i].size * SPECS[i].channels);
        uint8_t *dst = malloc(pixels);
        if (dst && prepare_picture(bytes, size, &SPECS[i], &LIMITS, dst, &facts, &err))
            assert(facts.format && facts.width >= 1 && facts.height >= 1);
        else
            check_refusal(&err);
        free(dst);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    decode(bytes, size);
    prepare(bytes, size);
    return 0;
}

static void mend_checksums(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        const uint32_t length = read_be32(bytes + at);
        if (length > size - at - 12)
            return;
        const uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(bytes, size, most);
    if (seed % 8 != 0 && size >= 8 && memcmp(bytes, "\x89PNG", 4) == 0)
        mend_checksums(bytes, size);
    return size;
}
