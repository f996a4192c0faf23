/* tests/core/data/augment/test_augment.c -- each augmentation against plain loops over its
 * definition, and all of them together. */
#include "core/data/augment/augment.h"

#include "core/base/numbers/rng.h"
#include "core/data/augment/box.h"
#include "tests/check.h"

enum { HEIGHT = 9, WIDTH = 7, CHANNELS = 3, BYTES = HEIGHT * WIDTH * CHANNELS };

typedef struct {
    uint8_t at[HEIGHT][WIDTH][CHANNELS];
} Stored;

/* Values from 1 on, so that 0 is padding. */
static Stored make_picture(void)
{
    Stored s;
    Rng rng = rng_new(1, RNG_TEST, 0);
    for (size_t i = 0; i < BYTES; i++)
        ((uint8_t *)s.at)[i] = (uint8_t)(1 + rng_below(&rng, 255));
    return s;
}

/* The result, packed into the corner of a black one; its size by *height and *width. */
static Stored run(const Augmentation *a, const DrawKey *key, const Stored *src, int *height,
                  int *width)
{
    // Their ends are guarded by AddressSanitizer.
    uint8_t *rooms[2] = {malloc(BYTES), malloc(BYTES)};
    Picture p = {(const uint8_t *)src->at, WIDTH * CHANNELS, HEIGHT, WIDTH, CHANNELS};
    augment_picture(a, key, rooms, &p);
    assert_in_range(p.height, 1, HEIGHT);
    assert_in_range(p.width, 1, WIDTH);
    Stored dst = {0};
    for (int y = 0; y < p.height; y++)
        memcpy(dst.at[y], p.pixels + (size_t)y * p.row_bytes, (size_t)(p.width * CHANNELS));
    *height = p.height;
    *width = p.width;
    free(rooms[0]);
    free(rooms[1]);
    return dst;
}

static Stored shifted(const Stored *src, int dy, int dx)
{
    Stored dst = {0};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (y + dy >= 0 && y + dy < HEIGHT && x + dx >= 0 && x + dx < WIDTH)
                memcpy(dst.at[y][x], src->at[y + dy][x + dx], CHANNELS);
    return dst;
}

static Stored mirrored(const Stored *src, int height, int width)
{
    Stored dst = {0};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            memcpy(dst.at[y][x], src->at[y][width - 1 - x], CHANNELS);
    return dst;
}

static void nothing_is_changed_by_default(void **state)
{
    (void)state;
    const Stored src = make_picture();
    int height, width;
    const Stored dst = run(&(Augmentation){0}, &(DrawKey){1, 2, 3}, &src, &height, &width);
    assert_memory_equal(&dst, &src, sizeof src);
    float image[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    augment_image(&(Augmentation){0}, &(DrawKey){1, 2, 3}, (Shape){2, 2, 2}, image);
    for (int i = 0; i < 8; i++)
        assert_true(image[i] == (float)(i + 1));
}

/* Every picture is one of the shifts, and every shift comes, about equally often. */
static void padded_crops_are_all_shifts(void **state)
{
    (void)state;
    enum { PADDING = 6, SIDE = 2 * PADDING + 1, EACH = 40 };
    const Stored src = make_picture();
    int counts[SIDE][SIDE] = {0}, height, width;
    for (int i = 0; i < EACH * SIDE * SIDE; i++) {
        const Stored dst = run(&(Augmentation){.crop_padding = PADDING}, &(DrawKey){4, i % 3, i},
                               &src, &height, &width);
        int found = 0;
        for (int dy = -PADDING; dy <= PADDING; dy++)
            for (int dx = -PADDING; dx <= PADDING; dx++) {
                const Stored want = shifted(&src, dy, dx);
                const bool equal = memcmp(&dst, &want, sizeof dst) == 0;
                found += equal;
                counts[dy + PADDING][dx + PADDING] += equal;
            }
        assert_int_equal(found, 1);
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_in_range(counts[i / SIDE][i % SIDE], EACH - 30, EACH + 32);
}

/* torchvision's get_params, written down again, on the same numbers. */
static Box naive_box(Draws d, const ResizedCrop *c)
{
    for (int attempt = 0; attempt < 10; attempt++) {
        const double area =
            HEIGHT * WIDTH * (c->scale[0] + draw_uniform(&d) * (c->scale[1] - c->scale[0]));
        const double aspect =
            exp(log(c->ratio[0]) + draw_uniform(&d) * (log(c->ratio[1]) - log(c->ratio[0])));
        const int w = (int)nearbyint(sqrt(area * aspect)), h = (int)nearbyint(sqrt(area / aspect));
        if (w > 0 && w <= WIDTH && h > 0 && h <= HEIGHT) {
            const int top = draw_below(&d, HEIGHT - h + 1);
            return (Box){top, draw_below(&d, WIDTH - w + 1), h, w};
        }
    }
    return (Box){0};
}

static void resized_crops_are_torchvisions_boxes(void **state)
{
    (void)state;
    const Stored src = make_picture();
    const Augmentation a = {.resized_crop = {true, {0.2, 0.8}, {0.7, 1.5}}};
    int fitting = 0, covered[HEIGHT][WIDTH] = {0};
    for (int i = 0; i < 2000; i++) {
        const DrawKey key = {8, 1, i};
        const Box box = naive_box(draws_new(&key, "resized_crop"), &a.resized_crop);
        if (box.height == 0)
            continue;
        int height, width;
        const Stored dst = run(&a, &key, &src, &height, &width);
        assert_int_equal(height, box.height);
        assert_int_equal(width, box.width);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                assert_memory_equal(dst.at[y][x], src.at[box.top + y][box.left + x], CHANNELS);
                covered[box.top + y][box.left + x]++;
            }
        // Each side is rounded by up to one half.
        const double share = (double)(height * width) / (HEIGHT * WIDTH);
        assert_true(share > 0.1 && share < 0.95);
        fitting++;
    }
    assert_true(fitting > 1900);
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        assert_true(covered[i / WIDTH][i % WIDTH] > 50);
}

static void what_never_fits_is_cut_from_the_middle(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        Box want;
    } CASES[] = {
        {3.5, {3, 0, 2, 7}}, {0.25, {0, 2, 9, 2}}, {20, {4, 0, 1, 7}}, {7.0 / 9, {0, 0, 9, 7}}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const double ratio[2] = {CASES[i].ratio, CASES[i].ratio};
        const Box box = middle_box(ratio, HEIGHT, WIDTH);
        assert_memory_equal(&box, &CASES[i].want, sizeof box);
    }
    // Twice as wide as high, with the area of the whole: wider than the picture.
    const Stored src = make_picture();
    const Augmentation a = {.resized_crop = {true, {1, 1}, {2, 2}}};
    int height, width;
    const Stored dst = run(&a, &(DrawKey){0}, &src, &height, &width);
    assert_int_equal(height, 4);
    assert_int_equal(width, WIDTH);
    assert_memory_equal(dst.at[0], src.at[2], sizeof dst.at[0]);
}

static bool flips(FlipType type, uint64_t seed, int64_t epoch, int64_t example)
{
    const Stored src = make_picture(), other = mirrored(&src, HEIGHT, WIDTH);
    int height, width;
    const Stored dst =
        run(&(Augmentation){.flip = type}, &(DrawKey){seed, epoch, example}, &src, &height, &width);
    const bool flipped = memcmp(&dst, &other, sizeof dst) == 0;
    assert_true(flipped || memcmp(&dst, &src, sizeof dst) == 0);
    return flipped;
}

static void half_of_the_pictures_are_flipped(void **state)
{
    (void)state;
    enum { EXAMPLES = 1000 };
    int flipped[2] = {0}, both = 0;
    for (int i = 0; i < EXAMPLES; i++) {
        const bool first = flips(FLIP_RANDOM, 3, 0, i), second = flips(FLIP_RANDOM, 3, 1, i);
        flipped[0] += first;
        flipped[1] += second;
        both += first && second;
    }
    assert_in_range(flipped[0], 421, 579);  // five deviations of 16
    assert_in_range(flipped[1], 421, 579);
    assert_in_range(both, 182, 318);  // the epochs are independent
}

static void alternating_flips_show_both_sides_in_turn(void **state)
{
    (void)state;
    enum { EXAMPLES = 400 };
    int flipped = 0, same = 0;
    for (int i = 0; i < EXAMPLES; i++) {
        const bool first = flips(FLIP_ALTERNATE, 3, 0, i);
        for (int64_t epoch = 1; epoch < 5; epoch++)
            assert_int_equal(flips(FLIP_ALTERNATE, 3, epoch, i), first ^ (epoch % 2 == 1));
        flipped += first;
        same += first == flips(FLIP_ALTERNATE, 4, 0, i);
    }
    assert_in_range(flipped, 150, 250);
    assert_in_range(same, 150, 250);  // another seed, other pictures
}

/* Shift, then part, then mirror image; each with the numbers that it has alone. */
static void together_they_come_in_order(void **state)
{
    (void)state;
    const Stored src = make_picture();
    const Augmentation shift = {.crop_padding = 2};
    const Augmentation part = {.resized_crop = {true, {0.3, 0.9}, {0.75, 1.3}}};
    Augmentation all = part;
    all.crop_padding = 2;
    all.flip = FLIP_ALTERNATE;
    for (int i = 0; i < 300; i++) {
        const DrawKey key = {6, i % 4, i};
        int height, width, got_height, got_width;
        Stored want = run(&shift, &key, &src, &height, &width);
        want = run(&part, &key, &want, &height, &width);
        if (flips(FLIP_ALTERNATE, 6, i % 4, i))
            want = mirrored(&want, height, width);
        const Stored got = run(&all, &key, &src, &got_height, &got_width);
        assert_int_equal(got_height, height);
        assert_int_equal(got_width, width);
        assert_memory_equal(&got, &want, sizeof got);
    }
}

enum { SIDE = 16, AREA = SIDE * SIDE };

/* Checks that zeros form a rectangle, the same in both channels; returns its sides. */
static Box erased_box(const float *image)
{
    int top = SIDE, bottom = -1, left = SIDE, right = -1, zeros = 0;
    for (int i = 0; i < AREA; i++) {
        assert_true(image[i] == 0 || image[i] == (float)(i + 1));
        assert_true(image[AREA + i] == (image[i] == 0 ? 0 : (float)(AREA + i + 1)));
        if (image[i] != 0)
            continue;
        const int y = i / SIDE, x = i % SIDE;
        top = y < top ? y : top;
        bottom = y > bottom ? y : bottom;
        left = x < left ? x : left;
        right = x > right ? x : right;
        zeros++;
    }
    const Box box = {top, left, bottom - top + 1, right - left + 1};
    if (zeros > 0)
        assert_int_equal(zeros, box.height * box.width);
    return zeros > 0 ? box : (Box){0};
}

static void erasing_clears_a_rectangle(void **state)
{
    (void)state;
    enum { IMAGES = 2000 };
    const Augmentation a = {.erasing = {0.25, {0.1, 0.3}, {0.5, 4}}};
    int erased = 0, taller = 0, tops = 0;
    float *image = xcalloc(2 * AREA, sizeof *image);
    for (int n = 0; n < IMAGES; n++) {
        for (int i = 0; i < 2 * AREA; i++)
            image[i] = (float)(i + 1);
        augment_image(&a, &(DrawKey){3, 0, n}, (Shape){2, SIDE, SIDE}, image);
        const Box box = erased_box(image);
        if (box.height == 0)
            continue;
        assert_true(box.height < SIDE && box.width < SIDE);
        assert_in_range(box.height * box.width, 0.07 * AREA, 0.34 * AREA);
        assert_true(box.height >= box.width * 0.4 && box.height <= box.width * 5.5);
        taller += box.height > box.width;
        tops += box.top;
        erased++;
    }
    assert_in_range(erased, 403, 597);                    // five deviations of 19
    assert_in_range(taller, erased / 2, erased * 4 / 5);  // 2 to 1 in logarithms
    assert_true(tops > erased);
    free(image);
}

/* As high as the image is never drawn: torchvision takes the next one. */
static void what_would_fill_the_image_erases_nothing(void **state)
{
    (void)state;
    const Augmentation a = {.erasing = {1, {0.999, 1}, {1, 1}}};
    float image[2 * AREA];
    for (int n = 0; n < 20; n++) {
        for (int i = 0; i < 2 * AREA; i++)
            image[i] = (float)(i + 1);
        augment_image(&a, &(DrawKey){3, 0, n}, (Shape){2, SIDE, SIDE}, image);
        assert_int_equal(erased_box(image).height, 0);
    }
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const struct {
        Augmentation a;
        const char *want;
    } FAULTS[] = {
        {{.crop_padding = -1},
         "augmentation.crop_padding must be 0 to 6 for pictures of 9 x 7, got -1"},
        {{.crop_padding = 7},
         "augmentation.crop_padding must be 0 to 6 for pictures of 9 x 7, got 7"},
        {{.mixup = -0.5}, "augmentation.mixup must be 0 to 100, got -0.5"},
        {{.mixup = NAN}, "augmentation.mixup must be 0 to 100, got nan"},
        {{.erasing = {1.5, {0.1, 0.2}, {1, 1}}}, "augmentation.erasing must be 0 to 1, got 1.5"},
        {{.erasing = {0.5, {0.1, 1.2}, {1, 1}}},
         "augmentation.erasing_scale must be two numbers above 0 and at most 1, the smaller one "
         "first, got 0.1 and 1.2"},
        {{.erasing = {0.5, {0.1, 0.2}, {3, 1}}},
         "augmentation.erasing_ratio must be two numbers above 0 and at most 100, the smaller one "
         "first, got 3 and 1"},
        {{.resized_crop = {true, {0, 1}, {1, 1}}},
         "augmentation.resized_crop_scale must be two numbers above 0 and at most 1, the smaller "
         "one first, got 0 and 1"},
        {{.resized_crop = {true, {0.1, 1}, {1, 101}}},
         "augmentation.resized_crop_ratio must be two numbers above 0 and at most 100, the smaller "
         "one first, got 1 and 101"},
    };
    const Shape picture = {CHANNELS, HEIGHT, WIDTH};
    Error err;
    for (size_t i = 0; i < COUNT(FAULTS); i++)
        CHECK_REFUSED(augmentation_check(&FAULTS[i].a, picture, &err), err, ERR_INVALID,
                      FAULTS[i].want);
    // What is off is not looked at.
    CHECK_OK(augmentation_check(&(Augmentation){.crop_padding = 6}, picture, &err), err);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_changed_by_default),
        cmocka_unit_test(padded_crops_are_all_shifts),
        cmocka_unit_test(resized_crops_are_torchvisions_boxes),
        cmocka_unit_test(what_never_fits_is_cut_from_the_middle),
        cmocka_unit_test(half_of_the_pictures_are_flipped),
        cmocka_unit_test(alternating_flips_show_both_sides_in_turn),
        cmocka_unit_test(together_they_come_in_order),
        cmocka_unit_test(erasing_clears_a_rectangle),
        cmocka_unit_test(what_would_fill_the_image_erases_nothing),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return RUN_TESTS(tests);
}
