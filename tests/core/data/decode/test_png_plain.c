/* tests/core/data/decode/test_png_plain.c -- plain PNGs, made here with every filter, give back the
 * samples that they were made of; what is wrong with one is found. */
#include "core/data/decode/png_plain.h"

#include <zlib.h>

#include "core/base/numbers/rng.h"
#include "tests/check.h"

typedef struct {
    int colour, pixel, channels;  // PNG's colour type, bytes of a pixel, channels of the result
} Kind;

static const Kind KINDS[] = {{0, 1, 1}, {2, 3, 3}, {4, 2, 1}, {6, 4, 3}};

enum { ROOM = 1 << 16 };

typedef struct {
    uint8_t bytes[ROOM];
    size_t size;
} File;

/* PNG specification, section 9.4. */
static int predict(int filter, int left, int above, int corner)
{
    const int p = left + above - corner;
    const int pa = abs(p - left), pb = abs(p - above), pc = abs(p - corner);
    switch (filter) {
    case 1:
        return left;
    case 2:
        return above;
    case 3:
        return (left + above) / 2;
    case 4:
        return pa <= pb && pa <= pc ? left : pb <= pc ? above : corner;
    default:
        return 0;
    }
}

static void filter_rows(const uint8_t *samples, int height, int row_bytes, int pixel,
                        const int *filters, uint8_t *rows)
{
    for (int y = 0; y < height; y++) {
        const uint8_t *row = samples + y * row_bytes, *up = row - row_bytes;
        *rows++ = (uint8_t)filters[y];
        for (int i = 0; i < row_bytes; i++) {
            const int left = i < pixel ? 0 : row[i - pixel], above = y == 0 ? 0 : up[i];
            const int corner = i < pixel || y == 0 ? 0 : up[i - pixel];
            *rows++ = (uint8_t)(row[i] - predict(filters[y], left, above, corner));
        }
    }
}

static void put_number(File *f, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        f->bytes[f->size++] = (uint8_t)(number >> shift);
}

static void put_chunk(File *f, const char *type, const uint8_t *data, size_t size)
{
    put_number(f, size);
    const size_t start = f->size;
    memcpy(f->bytes + f->size, type, 4);
    f->size += 4;
    if (size > 0)
        memcpy(f->bytes + f->size, data, size);
    f->size += size;
    put_number(f, crc32(0, f->bytes + start, (unsigned)(size + 4)));
}

/* A PNG of these rows; the pixels in chunks of `piece` bytes. */
static void make_png(File *f, const Kind *kind, int width, int height, const uint8_t *rows,
                     size_t row_bytes, size_t piece)
{
    uint8_t head[13] = {0}, packed[ROOM / 2];
    uLongf size = sizeof packed;
    assert_int_equal(compress2(packed, &size, rows, row_bytes, 6), Z_OK);
    memcpy(f->bytes, "\x89PNG\r\n\x1a\n", 8);
    f->size = 8;
    head[2] = (uint8_t)(width >> 8);
    head[3] = (uint8_t)width;
    head[6] = (uint8_t)(height >> 8);
    head[7] = (uint8_t)height;
    head[8] = 8;
    head[9] = (uint8_t)kind->colour;
    put_chunk(f, "IHDR", head, sizeof head);
    put_chunk(f, "tEXt", (const uint8_t *)"a", 1);
    for (size_t at = 0; at < size; at += piece)
        put_chunk(f, "IDAT", packed + at, size - at < piece ? size - at : piece);
    put_chunk(f, "IEND", NULL, 0);
}

/* What the samples are, transparency over white. */
static int shown(const Kind *kind, const uint8_t *pixel, int channel)
{
    if (kind->pixel == kind->channels)
        return pixel[channel];
    const int alpha = pixel[kind->channels];
    return (2 * (pixel[channel] * alpha + 255 * (255 - alpha)) + 255) / 510;
}

static void check(const Kind *kind, int width, int height, const int *filters, size_t piece)
{
    const DecodeLimits limits = decode_limits_default();
    const int row_bytes = width * kind->pixel;
    uint8_t samples[ROOM / 4], rows[ROOM / 4];
    static File f;
    Rng rng = rng_new((uint64_t)(width * 100 + kind->colour), RNG_TEST, 0);
    for (int i = 0; i < height * row_bytes; i++) {
        const uint64_t value = rng_below(&rng, 400);
        samples[i] = (uint8_t)(value > 255 ? 255 : value);  // many are opaque
    }
    filter_rows(samples, height, row_bytes, kind->pixel, filters, rows);
    make_png(&f, kind, width, height, rows, (size_t)(height * (row_bytes + 1)), piece);

    uint8_t *bytes = malloc(f.size);  // its end is guarded by AddressSanitizer
    memcpy(bytes, f.bytes, f.size);
    StoredPicture p = {.orientation = 6};
    assert_true(decode_plain_png(bytes, f.size, &limits, &p));
    free(bytes);
    assert_int_equal(p.width, width);
    assert_int_equal(p.height, height);
    assert_int_equal(p.channels, kind->channels);
    assert_int_equal(p.orientation, 6);
    for (int i = 0; i < width * height; i++)
        for (int c = 0; c < kind->channels; c++)
            if (p.pixels[i * kind->channels + c] != shown(kind, samples + i * kind->pixel, c))
                fail_msg("colour type %d, %d x %d: pixel %d, channel %d is %d", kind->colour, width,
                         height, i, c, p.pixels[i * kind->channels + c]);
    free(p.pixels);
}

static void every_filter_is_undone(void **state)
{
    static const int WIDTHS[] = {1, 2, 3, 7, 64, 67, 130};
    (void)state;
    for (size_t k = 0; k < COUNT(KINDS); k++)
        for (size_t w = 0; w < COUNT(WIDTHS); w++) {
            for (int first = 0; first < 5; first++) {
                // Every filter behind every other one.
                const int filters[] = {first, 0, 1, 2, 3, 4, 4, 3, 2, 1, 1, 3, 1, 4, 2, 4};
                check(&KINDS[k], WIDTHS[w], COUNT(filters), filters, SIZE_MAX / 2);
            }
            const int one[] = {4};
            check(&KINDS[k], WIDTHS[w], 1, one, 5);
        }
}

static bool taken(const uint8_t *bytes, size_t size)
{
    const DecodeLimits limits = decode_limits_default();
    StoredPicture p = {.orientation = 1};
    uint8_t *copy = malloc(size);
    memcpy(copy, bytes, size);
    const bool ok = decode_plain_png(copy, size, &limits, &p);
    free(copy);
    free(p.pixels);
    return ok;
}

/* A changed bit anywhere but in the chunk of text, and a cut before the end of the pixels. */
static void what_is_wrong_is_not_taken(void **state)
{
    static File f;
    uint8_t rows[11 * 4];
    (void)state;
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = i % 11 == 0 ? 3 : (uint8_t)(i * i);
    // Grey, 10 x 4.
    make_png(&f, &KINDS[0], 10, 4, rows, sizeof rows, 20);
    assert_true(taken(f.bytes, f.size));
    const size_t text = 8 + 25, text_end = text + 13, end = f.size - 12;
    for (size_t i = 8; i < end; i++)
        for (int bit = 0; bit < 8; bit++) {
            // The fifth bit of its type's first letter makes it one that matters.
            if (i >= text + 4 && i < text_end && (i > text + 4 || bit != 5))
                continue;
            f.bytes[i] ^= (uint8_t)(1 << bit);
            if (taken(f.bytes, f.size))
                fail_msg("byte %zu, bit %d: a changed file was taken", i, bit);
            f.bytes[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t size = 8; size < end; size++)
        assert_false(taken(f.bytes, size));
    assert_true(taken(f.bytes, end));
    rows[11] = 5;  // no filter
    make_png(&f, &KINDS[0], 10, 4, rows, sizeof rows, 20);
    assert_false(taken(f.bytes, f.size));
    make_png(&f, &KINDS[0], 10, 4, rows, sizeof rows - 1, 20);  // too short
    assert_false(taken(f.bytes, f.size));
    make_png(&f, &KINDS[0], 10, 3, rows, sizeof rows, 20);  // too long
    assert_false(taken(f.bytes, f.size));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_is_undone),
        cmocka_unit_test(what_is_wrong_is_not_taken),
    };
    return RUN_TESTS(tests);
}
