/* tests/core/data/test_resize.c -- equal to torchvision's Resize on PIL images, byte for byte. The
 * golden file is written by tests/golden/resize.py, which also describes it. */
#include "core/data/resize.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/check.h"

typedef struct {
    Shape src;
    int count;
    int side;
    uint8_t *pixels;   // (count, height, width, channels)
    uint8_t *resized;  // (count, side, side, channels)
} Case;

static void read_bytes(gzFile f, void *dst, size_t bytes)
{
    assert_int_equal(gzread(f, dst, (unsigned)bytes), bytes);
}

/* Undo the differences along one axis: `lines` runs of `steps` values that lie `stride` apart. */
static void add_up(uint8_t *values, size_t lines, size_t steps, size_t stride)
{
    for (size_t line = 0; line < lines; line++)
        for (size_t i = stride; i < steps * stride; i++)
            values[line * steps * stride + i] =
                (uint8_t)(values[line * steps * stride + i]
                          + values[line * steps * stride + i - stride]);
}

/* False at the end of the file. */
static bool read_case(gzFile f, Case *c)
{
    int32_t head[5];
    const int got = gzread(f, head, sizeof head);
    if (got == 0)
        return false;
    assert_int_equal(got, sizeof head);
    *c = (Case){.count = head[0], .src = {head[1], head[2], head[3]}, .side = head[4]};
    const size_t count = (size_t)c->count, side = (size_t)c->side;
    const size_t channels = (size_t)c->src.channels;
    c->pixels = xcalloc(count, shape_count(c->src));
    c->resized = xcalloc(count, side * side * channels);
    read_bytes(f, c->pixels, count * shape_count(c->src));
    read_bytes(f, c->resized, count * side * side * channels);
    add_up(c->resized, count * side, side, channels);
    add_up(c->resized, count, side, side * channels);
    return true;
}

static void free_case(Case *c)
{
    free(c->pixels);
    free(c->resized);
}

/* All of an image of `src`'s shape, rows without gaps. */
static void resize_whole(Resize *r, Shape src, const uint8_t *pixels, uint8_t *dst)
{
    const size_t row_bytes = (size_t)src.width * (size_t)src.channels;
    resize_picture(r, &(Picture){pixels, row_bytes, src.height, src.width, src.channels}, dst);
}

static void check_case(const Case *c)
{
    const size_t src_bytes = shape_count(c->src);
    const size_t dst_bytes = (size_t)c->side * (size_t)c->side * (size_t)c->src.channels;
    uint8_t *dst = malloc(dst_bytes);  // its end is guarded by AddressSanitizer
    Resize *r = resize_new(c->src, c->side);
    for (size_t i = 0; i < (size_t)c->count; i++) {
        resize_whole(r, c->src, c->pixels + i * src_bytes, dst);
        for (size_t k = 0; k < dst_bytes; k++)
            if (dst[k] != c->resized[i * dst_bytes + k])
                fail_msg("%d x %d x %d to %d, image %zu: byte %zu is %d, want %d", c->src.height,
                         c->src.width, c->src.channels, c->side, i, k, dst[k],
                         c->resized[i * dst_bytes + k]);
    }
    resize_free(r);
    free(dst);
}

static void equals_torchvision(void **state)
{
    (void)state;
    gzFile f = gzopen(TESTS_DIR "/golden/resize.bin.gz", "rb");
    assert_non_null(f);
    int cases = 0, images = 0;
    for (Case c; read_case(f, &c); cases++) {
        check_case(&c);
        images += c.count;
        free_case(&c);
    }
    assert_int_equal(gzclose(f), Z_OK);
    assert_int_equal(cases, 21);
    assert_true(images >= 138);
}

static void equal_sizes_copy(void **state)
{
    (void)state;
    uint8_t src[5 * 5 * 3], dst[sizeof src];
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)(i * 37);
    const Shape shape = {3, 5, 5};
    Resize *r = resize_new(shape, 5);
    resize_whole(r, shape, src, dst);
    assert_memory_equal(dst, src, sizeof src);
    resize_free(r);
}

/* White stays white at any factor: weights that summed to less than one would make it 254. */
static void flat_images_stay_flat(void **state)
{
    (void)state;
    const Shape shape = {1, 19, 23};
    uint8_t src[19 * 23], dst[60 * 60];
    for (int value = 0; value <= 255; value += 51)
        for (int side = 1; side <= 60; side++) {
            memset(src, value, sizeof src);
            Resize *r = resize_new(shape, side);
            resize_whole(r, shape, src, dst);
            for (int i = 0; i < side * side; i++)
                assert_int_equal(dst[i], value);
            resize_free(r);
        }
}

/* One Resize for all parts of a picture: a part gives what its own pixels give alone. */
static void a_part_is_resized_as_a_picture_of_its_own(void **state)
{
    (void)state;
    enum { HEIGHT = 14, WIDTH = 19, CHANNELS = 3, SIDE = 11 };
    uint8_t src[HEIGHT][WIDTH][CHANNELS], part[HEIGHT * WIDTH * CHANNELS];
    uint8_t got[SIDE * SIDE * CHANNELS], want[sizeof got];
    for (size_t i = 0; i < sizeof src; i++)
        ((uint8_t *)src)[i] = (uint8_t)(i * i * 7 + i / 5);
    Resize *all = resize_new((Shape){CHANNELS, HEIGHT, WIDTH}, SIDE);
    for (int height = 1; height <= HEIGHT; height++)
        for (int width = 1; width <= WIDTH; width++) {
            const int top = HEIGHT - height, left = (WIDTH - width) / 2;
            for (int y = 0; y < height; y++)
                memcpy(part + y * width * CHANNELS, src[top + y][left], (size_t)(width * CHANNELS));
            const Shape shape = {CHANNELS, height, width};
            Resize *own = resize_new(shape, SIDE);
            resize_whole(own, shape, part, want);
            resize_free(own);
            resize_picture(all, &(Picture){src[top][left], sizeof src[0], height, width, CHANNELS},
                           got);
            assert_memory_equal(got, want, sizeof want);
        }
    resize_free(all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_torchvision),
        cmocka_unit_test(equal_sizes_copy),
        cmocka_unit_test(flat_images_stay_flat),
        cmocka_unit_test(a_part_is_resized_as_a_picture_of_its_own),
    };
    return RUN_TESTS(tests);
}
