/* tests/core/data/decode/test_decode.c -- picture files of every kind give Pillow's pixels, byte
 * for byte, and what is cut off or damaged is refused with its reason. */
#include "core/data/decode/decode.h"

#include <pthread.h>

#include "core/base/text.h"
#include "core/data/decode/prepare.h"
#include "tests/check.h"
#include "tests/core/data/decode/golden.h"

static void compare(const char *name, const uint8_t *got, const uint8_t *want, size_t bytes)
{
    size_t different = 0, first = bytes;
    int most = 0;
    for (size_t i = 0; i < bytes; i++) {
        const int distance = abs(got[i] - want[i]);
        first = distance > 0 && first == bytes ? i : first;
        different += distance > 0;
        most = distance > most ? distance : most;
    }
    if (different > 0)
        fail_msg("%s: %zu of %zu bytes differ, by up to %d; byte %zu is %d, want %d", name,
                 different, bytes, most, first, got[first], want[first]);
}

static void check_decoded(const Golden *g)
{
    Error err = {0};
    DecodedPicture p = {0};
    if (!decode_picture(NULL, g->file, g->size, NULL, &p, &err))
        fail_msg("%s: %s", g->name, err.message);
    if (p.width != g->numbers[0] || p.height != g->numbers[1] || p.channels != g->numbers[2])
        fail_msg("%s: got %d x %d x %d, want %d x %d x %d", g->name, p.width, p.height, p.channels,
                 g->numbers[0], g->numbers[1], g->numbers[2]);
    compare(g->name, p.pixels, g->pixels, g->pixel_bytes);
    decoded_picture_free(&p);
}

static void decodes_as_pillow(void **state)
{
    (void)state;
    assert_true(golden_each('D', check_decoded) >= 87);
}

static void check_prepared(const Golden *g)
{
    const ImageSpec spec = {g->numbers[0], g->numbers[1], (Fit)g->numbers[2],
                            (Filter)g->numbers[3]};
    Error err = {0};
    PictureFacts facts = {0};
    uint8_t *dst = malloc(g->pixel_bytes);
    assert_int_equal(g->pixel_bytes, spec.size * spec.size * spec.channels);
    if (!prepare_picture(g->file, g->size, &spec, NULL, dst, &facts, &err))
        fail_msg("%s: %s", g->name, err.message);
    compare(g->name, dst, g->pixels, g->pixel_bytes);
    assert_true(facts.width >= 1 && facts.height >= 1 && facts.channels >= 1);
    free(dst);
}

static void prepares_as_pillow(void **state)
{
    (void)state;
    assert_true(golden_each('P', check_prepared) >= 40);
}

static void check_refused(const Golden *g)
{
    Error err = {0};
    DecodedPicture p = {0};
    if (decode_picture(NULL, g->file, g->size, NULL, &p, &err))
        fail_msg("%s was not refused", g->name);
    if (!err.reason || strcmp(err.reason, g->reason) != 0)
        fail_msg("%s: refused as %s (%s), want %s", g->name, err.reason ? err.reason : "nothing",
                 err.message, g->reason);
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(p.pixels);
}

static void refuses_with_a_reason(void **state)
{
    (void)state;
    assert_true(golden_each('R', check_refused) >= 25);
}

/* The first bytes of a file, in memory that ends with them. */
static void check_cut(const Golden *g, size_t size)
{
    Error err = {0};
    DecodedPicture p = {0};
    uint8_t *bytes = malloc(size);
    memcpy(bytes, g->file, size);
    if (decode_picture(NULL, bytes, size, NULL, &p, &err)) {
        compare(g->name, p.pixels, g->pixels, g->pixel_bytes);
        decoded_picture_free(&p);
    } else {
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(err.reason);
        assert_true(utf8_valid(err.message) && !strchr(err.message, '\n'));
    }
    free(bytes);
}

static void check_cuts(const Golden *g)
{
    if (strstr(g->name, "behind"))  // without its end it is another picture
        return;
    const size_t step = 1 + g->size / 400;
    for (size_t size = 1; size < g->size; size += size < 64 || size + 64 > g->size ? 1 : step)
        check_cut(g, size);
}

/* Cut anywhere, a file is refused, or nothing of the picture is missing. */
static void half_pictures_are_refused(void **state)
{
    (void)state;
    golden_each('D', check_cuts);
}

static void what_stands_in_a_pictures_place_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *message;
    } FILES[] = {
        {"GIF89a..........", "a GIF file: JPEG, PNG and WebP are taken"},
        {"....ftypavif....", "an AVIF file: JPEG, PNG and WebP are taken"},
        {"<svg xmlns=\"x\"/>", "an SVG file: JPEG, PNG and WebP are taken"},
        {"<!DOCTYPE svg><svg/>", "an SVG file: JPEG, PNG and WebP are taken"},
        {"<!DOCTYPE html><p>Not found", "an HTML file: JPEG, PNG and WebP are taken"},
        {"version https://git-lfs.github.com/spec/v1",
         "a Git LFS pointer file: JPEG, PNG and WebP are taken"},
    };
    for (size_t i = 0; i < COUNT(FILES); i++) {
        DecodedPicture p;
        Error err;
        CHECK_REFUSED(decode_picture(NULL, (const uint8_t *)FILES[i].bytes, strlen(FILES[i].bytes),
                                     NULL, &p, &err),
                      err, ERR_INVALID, FILES[i].message);
        assert_string_equal(err.reason, "picture_format");
    }
}

/* A cut in the middle of the pixels must be refused for what it is. */
static void check_cut_reason(const Golden *g)
{
    Error err = {0};
    DecodedPicture p;
    if (strstr(g->name, "trailing") || strstr(g->name, "two_in_one") || g->size < 400)
        return;
    if (decode_picture(NULL, g->file, g->size * 3 / 4, NULL, &p, &err))
        fail_msg("%s: three quarters of it were taken", g->name);
    assert_string_equal(err.reason, "picture_truncated");
}

static void cuts_are_called_cuts(void **state)
{
    (void)state;
    golden_each('D', check_cut_reason);
}

static void check_limits(const Golden *g)
{
    const int64_t pixels = (int64_t)g->numbers[0] * g->numbers[1];
    DecodeLimits limits = decode_limits_default();
    Error err = {0};
    DecodedPicture p;
    limits.max_pixels = pixels - 1;
    assert_false(decode_picture(NULL, g->file, g->size, &limits, &p, &err));
    assert_string_equal(err.reason, "picture_too_large");
    limits = (DecodeLimits){.max_pixels = pixels, .max_memory = pixels * g->numbers[2] - 1};
    assert_false(decode_picture(NULL, g->file, g->size, &limits, &p, &err));
    assert_string_equal(err.reason, "picture_too_large");
    limits.max_memory = decode_limits_default().max_memory;
    CHECK_OK(decode_picture(NULL, g->file, g->size, &limits, &p, &err), err);
    decoded_picture_free(&p);
}

static void limits_are_kept(void **state)
{
    (void)state;
    golden_each('D', check_limits);
}

static void *decode_all(void *unused)
{
    (void)unused;
    golden_each('D', check_decoded);
    golden_each('P', check_prepared);
    golden_each('R', check_refused);
    return NULL;
}

/* A failed check in another thread than the test's own ends the program, which is a verdict too. */
static void threads_share_nothing(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_all, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i <= FIT_STRETCH; i++) {
        Fit fit = FIT_CROP;
        assert_true(fit_from_name(fit_name((Fit)i), &fit));
        assert_int_equal(fit, i);
    }
    for (int i = 0; i <= FILTER_BICUBIC; i++) {
        Filter filter = FILTER_BILINEAR;
        assert_true(filter_from_name(filter_name((Filter)i), &filter));
        assert_int_equal(filter, i);
    }
    Fit fit = FIT_PAD;
    Filter filter = FILTER_BICUBIC;
    assert_false(fit_from_name("Crop", &fit));
    assert_false(filter_from_name("", &filter));
    assert_int_equal(fit, FIT_PAD);
    assert_int_equal(filter, FILTER_BICUBIC);
}

static void bad_specs_are_refused(void **state)
{
    (void)state;
    Error err;
    ImageSpec spec = image_spec_default();
    CHECK_OK(image_spec_check(&spec, &err), err);
    spec.channels = 2;
    CHECK_REFUSED(image_spec_check(&spec, &err), err, ERR_INVALID,
                  "channels must be 1 or 3, got 2");
    spec = image_spec_default();
    spec.size = 7;
    CHECK_REFUSED(image_spec_check(&spec, &err), err, ERR_INVALID, "size must be 8 to 1024, got 7");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_as_pillow),
        cmocka_unit_test(prepares_as_pillow),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(what_stands_in_a_pictures_place_is_named),
        cmocka_unit_test(half_pictures_are_refused),
        cmocka_unit_test(cuts_are_called_cuts),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(threads_share_nothing),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(bad_specs_are_refused),
    };
    return RUN_TESTS(tests);
}
