/* tests/core/data/decode/test_jpeg_columns.c -- where a crop reads only part of a JPEG's columns,
 * the prepared pixels are those of the whole picture, and the other columns are left out. */
#include <stdio.h>
// jpeglib.h wants the one above.
#include <jpeglib.h>

#include "core/data/decode/fit.h"
#include "core/data/decode/format.h"
#include "core/data/decode/prepare.h"
#include "tests/check.h"

typedef struct {
    const char *name;
    int components;
    J_COLOR_SPACE space, stored;
    int across, down;  // samples of the first component, and of black, for one of the others
    bool progressive, arithmetic;
    unsigned restart;  // every so many blocks; 0: never
} Kind;

#define COLOUR     .components = 3, .space = JCS_RGB, .stored = JCS_YCbCr
#define GREY       .components = 1, .space = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE
#define CMYK(kind) .components = 4, .space = JCS_CMYK, .stored = JCS_##kind
static const Kind KINDS[] = {
    {"colour, 1 x 1", COLOUR, .across = 1, .down = 1},
    {"colour, 2 x 1", COLOUR, .across = 2, .down = 1},
    {"colour, 2 x 2", COLOUR, .across = 2, .down = 2},
    {"colour, 1 x 2", COLOUR, .across = 1, .down = 2},
    {"colour, 4 x 1", COLOUR, .across = 4, .down = 1},
    {"colour, 2 x 2, progressive", COLOUR, .across = 2, .down = 2, .progressive = true},
    {"colour, 2 x 2, restarts", COLOUR, .across = 2, .down = 2, .restart = 3},
    {"grey", GREY, .across = 1, .down = 1},
    {"grey, 2 x 2", GREY, .across = 2, .down = 2},
    {"CMYK", CMYK(CMYK), .across = 1, .down = 1},
    {"CMYK, 2 x 2", CMYK(CMYK), .across = 2, .down = 2},
    {"YCCK, 2 x 1", CMYK(YCCK), .across = 2, .down = 1},
    {"YCCK, 2 x 2", CMYK(YCCK), .across = 2, .down = 2},
#if defined(C_ARITH_CODING_SUPPORTED) && defined(D_ARITH_CODING_SUPPORTED)
    {"colour, 2 x 2, arithmetic", COLOUR, .across = 2, .down = 2, .arithmetic = true},
    {"grey, arithmetic, restarts", GREY, .across = 1, .down = 1, .arithmetic = true, .restart = 5},
#endif
};
enum { SUBSAMPLED = 2 };  // of KINDS, as cameras write it

static const struct {
    int width, height;
} SIZES[] = {{500, 375}, {375, 500}, {333, 129}, {200, 40}, {97, 90}, {640, 33}, {503, 301}};
static const int LARGE_WIDTH = 1003, LARGE_HEIGHT = 700;  // of one kind, since it takes long

/* Noise over waves: each block has all frequencies, each column another colour. */
static void fill_row(uint8_t *row, int samples, int y)
{
    static uint32_t state = 1;
    for (int x = 0; x < samples; x++) {
        state = state * 1664525 + 1013904223;
        row[x] = (uint8_t)((x * 5 + y * 3) / 4 + (int)(state >> 26));
    }
}

/* An EXIF block with this orientation alone. */
static void write_orientation(struct jpeg_compress_struct *info, int orientation)
{
    const uint8_t exif[] = {
        'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, '*', 0, 0, 0,
        8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,   1, 0, (uint8_t)orientation,
        0,   0,   0,   0,   0,    0};
    jpeg_write_marker(info, JPEG_APP0 + 1, exif, sizeof exif);
}

static uint8_t *compress(const Kind *kind, int width, int height, int orientation, size_t *size)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    uint8_t *bytes = NULL, *row = calloc((size_t)width, (size_t)kind->components);
    unsigned long length = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &length);
    info.image_width = (JDIMENSION)width;
    info.image_height = (JDIMENSION)height;
    info.input_components = kind->components;
    info.in_color_space = kind->space;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, kind->stored);
    for (int c = 0; c < kind->components; c++) {
        const bool fine = c == 0 || c == 3;
        info.comp_info[c].h_samp_factor = fine ? kind->across : 1;
        info.comp_info[c].v_samp_factor = fine ? kind->down : 1;
    }
    info.arith_code = kind->arithmetic;
    info.restart_interval = kind->restart;
    if (kind->progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    write_orientation(&info, orientation);
    for (int y = 0; y < height; y++) {
        fill_row(row, width * kind->components, y);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    free(row);
    *size = length;
    return bytes;
}

/* ---- What is left out ---- */

enum { UNTOUCHED = 0xa5 };

uint8_t *__real_pixels_new(int width, int height, int bytes, Error *err);
uint8_t *__wrap_pixels_new(int width, int height, int bytes, Error *err);

/* Instead of pixels_new: what nobody writes is known by its value, and is never by chance what the
 * picture before has left there. */
uint8_t *__wrap_pixels_new(int width, int height, int bytes, Error *err)
{
    uint8_t *pixels = __real_pixels_new(width, height, bytes, err);
    if (pixels)
        memset(pixels, UNTOUCHED, (size_t)width * (size_t)height * (size_t)bytes);
    return pixels;
}

/* Whether nothing was written to a column, or to a row. */
static bool line_is_untouched(const DecodedPicture *p, int line, bool is_row)
{
    const int length = is_row ? p->width : p->height;
    for (int i = 0; i < length; i++) {
        const int x = is_row ? i : line, y = is_row ? line : i;
        for (int c = 0; c < p->channels; c++)
            if (p->pixels[(y * p->width + x) * p->channels + c] != UNTOUCHED)
                return false;
    }
    return true;
}

/* Of a picture that is stored so; on its left whole blocks are left out. */
static int columns_to_leave_out(const Kind *kind, int width, int height, const ImageSpec *spec)
{
    enum { BORDER = 2, LEAST = 64 };  // as jpeg.c has them
    int first, end;
    fit_columns(spec, height, width, &first, &end);
    first -= BORDER;
    end += BORDER;
    if (kind->progressive || first <= 0 || end - first < LEAST)
        return 0;
    const int block = kind->components == 1 ? 8 : 8 * kind->across;
    return first / block * block + width - end;
}

static void check_left_out(const Kind *kind, const uint8_t *file, size_t size, int width,
                           int orientation, const ImageSpec *spec)
{
    const bool turned = orientation >= 5;
    DecodedPicture p;
    Error err = {0};
    CHECK_OK(decode_picture(spec, file, size, NULL, &p, &err), err);
    const int lines = turned ? p.height : p.width, across = turned ? p.width : p.height;
    assert_int_equal(lines, width);
    const int want = columns_to_leave_out(kind, lines, across, spec);
    int left_out = 0;
    for (int i = 0; i < lines; i++)
        left_out += line_is_untouched(&p, i, turned);
    if (left_out != want)
        fail_msg("%s, %d x %d to %d: %d columns are left out, not %d", kind->name, p.width,
                 p.height, spec->size, left_out, want);
    decoded_picture_free(&p);
}

static void check_equal(const Kind *kind, const uint8_t *file, size_t size,
                        const DecodedPicture *whole, const ImageSpec *spec)
{
    const size_t bytes = (size_t)spec->size * (size_t)spec->size * (size_t)spec->channels;
    uint8_t *got = malloc(bytes), *want = malloc(bytes);
    PictureFacts facts;
    Error err = {0};
    CHECK_OK(prepare_picture(file, size, spec, NULL, got, &facts, &err), err);
    assert_int_equal(facts.width, whole->width);
    assert_int_equal(facts.height, whole->height);
    CHECK_OK(prepare_pixels(whole->pixels, whole->height, whole->width, whole->channels, spec, want,
                            &err),
             err);
    if (memcmp(got, want, bytes) != 0)
        fail_msg("%s, %d x %d to %d by %s: other pixels", kind->name, whole->width, whole->height,
                 spec->size, filter_name(spec->filter));
    free(got);
    free(want);
}

static void check_kind(const Kind *kind, int width, int height, int orientation)
{
    static const int SIDES[] = {16, 64, 224, 400};
    size_t size;
    uint8_t *file = compress(kind, width, height, orientation, &size);
    DecodedPicture whole;
    Error err = {0};
    CHECK_OK(decode_picture(NULL, file, size, NULL, &whole, &err), err);
    for (size_t i = 0; i < COUNT(SIDES); i++)
        for (int f = 0; f < 2; f++) {
            ImageSpec spec = image_spec_default();
            spec.size = SIDES[i];
            spec.filter = f ? FILTER_BICUBIC : FILTER_BILINEAR;
            check_equal(kind, file, size, &whole, &spec);
            check_left_out(kind, file, size, width, orientation, &spec);
        }
    decoded_picture_free(&whole);
    free(file);
}

static void crops_have_the_pixels_of_the_whole(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(KINDS); k++)
        for (size_t s = 0; s < COUNT(SIZES); s++)
            check_kind(&KINDS[k], SIZES[s].width, SIZES[s].height, 1);
    check_kind(&KINDS[SUBSAMPLED], LARGE_WIDTH, LARGE_HEIGHT, 1);
}

static void pictures_that_are_turned_upright_have_them_too(void **state)
{
    (void)state;
    for (int orientation = 2; orientation <= 8; orientation++)
        for (size_t s = 0; s < 3; s++)
            check_kind(&KINDS[SUBSAMPLED], SIZES[s].width, SIZES[s].height, orientation);
}

/* Most of a wide picture is left out where it is made small. */
static void much_is_left_out(void **state)
{
    (void)state;
    ImageSpec spec = image_spec_default();
    spec.size = 224;
    assert_in_range(columns_to_leave_out(&KINDS[SUBSAMPLED], LARGE_WIDTH, LARGE_HEIGHT, &spec), 200,
                    303);
}

/* Columns that are left out are read all the same. */
static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *file = compress(&KINDS[SUBSAMPLED], 500, 375, 1, &size), pixels[64 * 64 * 3];
    ImageSpec spec = image_spec_default();
    spec.size = 64;
    for (size_t cut = 3; cut < size - 1000; cut += 997) {
        Error err = {0};
        assert_false(prepare_picture(file, size - cut, &spec, NULL, pixels, NULL, &err));
        assert_string_equal(err.reason, "picture_truncated");
    }
    free(file);
}

static void columns_are_the_same_from_both_sides(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        ImageSpec spec = image_spec_default();
        int first, end;
        fit_columns(&spec, SIZES[s].height, SIZES[s].width, &first, &end);
        assert_int_equal(first, SIZES[s].width - end);
        assert_true(first >= 0);
        // The box is read whatever the filter reaches beside it.
        assert_true(SIZES[s].width <= SIZES[s].height ? first == 0 : end - first > SIZES[s].height);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_have_the_pixels_of_the_whole),
        cmocka_unit_test(pictures_that_are_turned_upright_have_them_too),
        cmocka_unit_test(much_is_left_out),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(columns_are_the_same_from_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
