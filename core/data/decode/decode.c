#include "core/data/decode/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/memory.h"
#include "core/data/decode/format.h"
#include "core/data/decode/orientation.h"

/* A format and the bytes that tell it. */
typedef struct {
    const char *name;  // with its article where it is not taken
    struct {
        size_t at;
        size_t length;  // 0: nothing more is asked for
        const char *bytes;
    } magic[2];
    DecodeFormat *decode;  // NULL: known, and not taken
} PictureFormat;

static const PictureFormat FORMATS[] = {
    {"JPEG", {{0, 3, "\xff\xd8\xff"}}, decode_jpeg},
    {"PNG", {{0, 8, "\x89PNG\r\n\x1a\n"}}, decode_png},
    {"WebP", {{0, 4, "RIFF"}, {8, 4, "WEBP"}}, decode_webp},
    {"a GIF", {{0, 4, "GIF8"}}, NULL},
    {"a TIFF", {{0, 4, "II*\0"}}, NULL},
    {"a TIFF", {{0, 4, "MM\0*"}}, NULL},
    {"a TIFF", {{0, 4, "II+\0"}}, NULL},
    {"a TIFF", {{0, 4, "MM\0+"}}, NULL},
    {"an AVIF", {{4, 8, "ftypavif"}}, NULL},
    {"an AVIF", {{4, 8, "ftypavis"}}, NULL},
    {"a HEIC", {{4, 7, "ftyphei"}}, NULL},
    {"a HEIC", {{4, 7, "ftyphev"}}, NULL},
    {"a HEIC", {{4, 8, "ftypmif1"}}, NULL},
    {"a HEIC", {{4, 8, "ftypmsf1"}}, NULL},
    {"a JPEG XL", {{0, 2, "\xff\x0a"}}, NULL},
    {"a JPEG XL", {{4, 8, "JXL \r\n\x87\n"}}, NULL},
    {"a JPEG 2000", {{4, 8, "jP  \r\n\x87\n"}}, NULL},
    {"a JPEG 2000", {{0, 4, "\xff\x4f\xff\x51"}}, NULL},
    {"a PDF", {{0, 5, "%PDF-"}}, NULL},
    {"a PostScript", {{0, 4, "%!PS"}}, NULL},
    {"a Photoshop", {{0, 4, "8BPS"}}, NULL},
    {"an icon", {{0, 4, "\0\0\1\0"}}, NULL},
    {"a BMP", {{0, 2, "BM"}, {6, 4, "\0\0\0\0"}}, NULL},
    // What stands in a picture's place where a download or a checkout went wrong.
    {"an HTML", {{0, 14, "<!DOCTYPE html"}}, NULL},
    {"an HTML", {{0, 14, "<!doctype html"}}, NULL},
    {"an HTML", {{0, 5, "<html"}}, NULL},
    {"a Git LFS pointer", {{0, 23, "version https://git-lfs"}}, NULL},
};

static bool has_magic(const PictureFormat *format, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < COUNT(format->magic); i++) {
        const size_t at = format->magic[i].at, length = format->magic[i].length;
        if (length > 0
            && (size < at + length || memcmp(bytes + at, format->magic[i].bytes, length)))
            return false;
    }
    return true;
}

/* Text that has an <svg> tag near its beginning. */
static bool is_svg(const uint8_t *bytes, size_t size)
{
    enum { LOOK_AT = 4096 };
    if (size > 0 && bytes[0] != '<' && bytes[0] != 0xef && bytes[0] != ' ' && bytes[0] != '\n'
        && bytes[0] != '\r' && bytes[0] != '\t')
        return false;
    return memmem(bytes, size < LOOK_AT ? size : LOOK_AT, "<svg", 4) != NULL;
}

static const PictureFormat *find_format(const uint8_t *bytes, size_t size)
{
    static const PictureFormat SVG = {.name = "an SVG"};
    for (size_t i = 0; i < COUNT(FORMATS); i++)
        if (has_magic(&FORMATS[i], bytes, size))
            return &FORMATS[i];
    return is_svg(bytes, size) ? &SVG : NULL;
}

DecodeLimits decode_limits_default(void)
{
    return (DecodeLimits){.max_pixels = 100000000, .max_memory = (int64_t)1 << 30};
}

bool decode_picture(const ImageSpec *spec, const uint8_t *bytes, size_t size,
                    const DecodeLimits *limits, DecodedPicture *picture, Error *err)
{
    const DecodeLimits defaults = decode_limits_default();
    if (size == 0)
        return fail_as(err, ERR_INVALID, "picture_empty", "the file is empty");
    const PictureFormat *format = find_format(bytes, size);
    if (!format)
        return fail_as(err, ERR_INVALID, "picture_unknown",
                       "not a picture: JPEG, PNG and WebP are taken, told by their content");
    if (!format->decode)
        return fail_as(err, ERR_INVALID, "picture_format", "%s file: JPEG, PNG and WebP are taken",
                       format->name);
    StoredPicture stored = {.spec = spec, .orientation = 1};
    errno = 0;  // see fail_damaged
    if (!format->decode(bytes, size, limits ? limits : &defaults, &stored, err))
        return false;
    if (!turn_upright(&stored, err)) {
        free(stored.pixels);
        return false;
    }
    *picture =
        (DecodedPicture){format->name, stored.width, stored.height, stored.channels, stored.pixels};
    return true;
}

void decoded_picture_free(DecodedPicture *picture)
{
    free(picture->pixels);
    *picture = (DecodedPicture){0};
}

bool size_allowed(const DecodeLimits *limits, const char *format, int64_t width, int64_t height,
                  int bytes, Error *err)
{
    // Sides are below 2^31, so the product does not overflow.
    if (width * height > limits->max_pixels)
        return fail_as(err, ERR_INVALID, "picture_too_large",
                       "the %s is %lld x %lld pixels large; up to %lld pixels are taken", format,
                       (long long)width, (long long)height, (long long)limits->max_pixels);
    if (width * height > limits->max_memory / bytes)
        return fail_as(err, ERR_INVALID, "picture_too_large",
                       "the %s of %lld x %lld pixels takes %d bytes of memory for each pixel; %lld "
                       "bytes are allowed",
                       format, (long long)width, (long long)height, bytes,
                       (long long)limits->max_memory);
    return true;
}

/* A large picture would take as long to get its memory, page by page, as to be decoded: it gets
 * large pages where the system has them. */
uint8_t *pixels_memory(size_t bytes)
{
    enum { LARGE_PAGE = 1 << 21 };
    if (bytes < 2 * LARGE_PAGE)
        return malloc(bytes);
    const size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uint8_t *memory = aligned_alloc(LARGE_PAGE, whole);
    if (memory)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
}

uint8_t *pixels_new(int width, int height, int bytes, Error *err)
{
    uint8_t *pixels = pixels_memory((size_t)width * (size_t)height * (size_t)bytes);
    if (!pixels)
        fail(err, ERR_NO_MEMORY, "no memory for a picture of %d x %d pixels", width, height);
    return pixels;
}

bool fail_truncated(Error *err, const char *format)
{
    return fail_as(err, ERR_INVALID, "picture_truncated",
                   "the %s is cut off: its data ends too early", format);
}

bool fail_damaged(Error *err, const char *format, const char *what)
{
    // Libraries call it bad data, too, when they got no memory on the way.
    if (errno == ENOMEM)
        return fail(err, ERR_NO_MEMORY, "no memory to decode a %s", format);
    return fail_as(err, ERR_INVALID, "picture_damaged", "the %s is damaged%s%s", format,
                   what ? ": " : "", what ? what : "");
}
