/* tests/core/data/decode/test_jpeg_columns.c -- where a crop reads only part of a JPEG's columns,
 * the prepared pixels are those of the whole picture. */
#include <stdio.h>
// jpeglib.h wants the one above.
#include <jpeglib.h>

#include "core/data/decode/fit.h"
#include "core/data/decode/prepare.h"
#include "tests/check.h"

typedef struct {
    int components;
    J_COLOR_SPACE space;
    int across, down;  // samples of the first component for one of the others
    bool progressive;
} Kind;

static const Kind KINDS[] = {
    {3, JCS_RGB, 1, 1, false},       {3, JCS_RGB, 2, 1, false},  {3, JCS_RGB, 2, 2, false},
    {3, JCS_RGB, 1, 2, false},       {3, JCS_RGB, 4, 1, false},  {3, JCS_RGB, 2, 2, true},
    {1, JCS_GRAYSCALE, 1, 1, false}, {4, JCS_CMYK, 1, 1, false},
};

static const struct {
    int width, height;
} SIZES[] = {{500, 375}, {375, 500}, {333, 129}, {200, 40}, {97, 90}, {640, 33}, {1003, 700}};

/* Noise over waves: each block has all frequencies, each column another colour. */
static void fill_row(uint8_t *row, int samples, int y)
{
    static uint32_t state = 1;
    for (int x = 0; x < samples; x++) {
        state = state * 1664525 + 1013904223;
        row[x] = (uint8_t)((x * 5 + y * 3) / 4 + (int)(state >> 26));
    }
}

static uint8_t *compress(const Kind *kind, int width, int height, size_t *size)
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
    info.comp_info[0].h_samp_factor = kind->across;
    info.comp_info[0].v_samp_factor = kind->down;
    if (kind->progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
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

static void check_equal(const uint8_t *file, size_t size, const ImageSpec *spec, const char *name)
{
    const size_t bytes = (size_t)spec->size * (size_t)spec->size * (size_t)spec->channels;
    uint8_t *got = malloc(bytes), *want = malloc(bytes);
    DecodedPicture whole;
    PictureFacts facts;
    Error err = {0};
    CHECK_OK(prepare_picture(file, size, spec, NULL, got, &facts, &err), err);
    CHECK_OK(decode_picture(file, size, NULL, &whole, &err), err);
    assert_int_equal(facts.width, whole.width);
    assert_int_equal(facts.height, whole.height);
    CHECK_OK(
        prepare_pixels(whole.pixels, whole.height, whole.width, whole.channels, spec, want, &err),
        err);
    if (memcmp(got, want, bytes) != 0)
        fail_msg("%s, %d x %d to %d by %s: other pixels", name, whole.width, whole.height,
                 spec->size, filter_name(spec->filter));
    decoded_picture_free(&whole);
    free(got);
    free(want);
}

static void crops_have_the_pixels_of_the_whole(void **state)
{
    (void)state;
    static const int SIDES[] = {16, 64, 224, 400};
    for (size_t k = 0; k < COUNT(KINDS); k++)
        for (size_t s = 0; s < COUNT(SIZES); s++) {
            char name[64];
            size_t size;
            uint8_t *file = compress(&KINDS[k], SIZES[s].width, SIZES[s].height, &size);
            snprintf(name, sizeof name, "%d components, %d x %d%s", KINDS[k].components,
                     KINDS[k].across, KINDS[k].down, KINDS[k].progressive ? ", progressive" : "");
            for (size_t i = 0; i < COUNT(SIDES); i++)
                for (int f = 0; f < 2; f++) {
                    ImageSpec spec = image_spec_default();
                    spec.size = SIDES[i];
                    spec.filter = f ? FILTER_BICUBIC : FILTER_BILINEAR;
                    check_equal(file, size, &spec, name);
                }
            free(file);
        }
}

/* Columns that are left out are read all the same. */
static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *file = compress(&KINDS[2], 500, 375, &size), pixels[64 * 64 * 3];
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
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(columns_are_the_same_from_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
