/* tests/core/kernels/test_strides.c -- kernels whose maps are parts of wider ones give the bits
 * that they give in dense maps, and touch nothing else. */
#include <omp.h>

#include "core/kernels/channel_sums.h"
#include "core/kernels/channels.h"
#include "core/kernels/conv/im2col.h"
#include "core/kernels/conv/winograd.h"
#include "core/kernels/max_pool.h"
#include "core/kernels/max_pool_bf16.h"
#include "core/kernels/relu.h"
#include "core/kernels/sum.h"
#include "tests/check.h"
#include "tests/core/numbers.h"

/* A map, and the same in channels [FIRST, FIRST + channels) of pixels of channels + WIDER. */
enum { FIRST = 3, WIDER = 13 };

typedef struct {
    size_t pixels, channels, number;
    char *dense;
    char *wide;  // NaNs where the map is not
} Map;

static Map map_new(size_t pixels, int channels, bool bf16, uint64_t seed)
{
    Rng rng = rng_new(seed, RNG_TEST, 0);
    void *raw;
    free(random_numbers(pixels * (size_t)channels, bf16, &rng, &raw));
    Map m = {.pixels = pixels, .channels = (size_t)channels, .number = bf16 ? 2 : 4, .dense = raw};
    const size_t row = m.channels * m.number, step = (m.channels + WIDER) * m.number;
    m.wide = aligned_nans(pixels * step);
    for (size_t p = 0; p < pixels; p++)
        memcpy(m.wide + p * step + FIRST * m.number, m.dense + p * row, row);
    return m;
}

static void map_free(Map *m)
{
    free(m->dense);
    free(m->wide);
}

static void *part(const Map *m)
{
    return m->wide + FIRST * m->number;
}

static int stride(const Map *m)
{
    return (int)m->channels + WIDER;
}

static void check_equal(const Map *m)
{
    const size_t row = m->channels * m->number, step = (m->channels + WIDER) * m->number;
    for (size_t p = 0; p < m->pixels; p++) {
        const char *wide = m->wide + p * step;
        assert_memory_equal(wide + FIRST * m->number, m->dense + p * row, row);
        for (size_t i = 0; i < step; i++) {
            if (i < FIRST * m->number || i >= FIRST * m->number + row)
                assert_int_equal((unsigned char)wide[i], 0xff);
        }
    }
}

/* ---- Convolutions ---- */

typedef struct {
    ConvProblem problem;
    Map src, dst;
    float *weights;
} Conv2d;

static Conv2d conv_of(int batch, int side, int in, int out, int kernel, bool bf16)
{
    const size_t pixels = (size_t)(batch * side * side);
    Rng rng = rng_new(3, RNG_TEST, 0);
    void *raw;
    Conv2d c = {.problem = {.batch = batch,
                            .in = in,
                            .height = side,
                            .width = side,
                            .out = out,
                            .dst_height = side,
                            .dst_width = side,
                            .kernel_h = kernel,
                            .kernel_w = kernel,
                            .stride_h = 1,
                            .stride_w = 1,
                            .pad_h = kernel / 2,
                            .pad_w = kernel / 2,
                            .src_bf16 = bf16,
                            .dst_bf16 = bf16,
                            .threads = omp_get_max_threads()},
                .src = map_new(pixels, in, bf16, 1),
                .dst = map_new(pixels, out, bf16, 2)};
    c.weights = random_numbers(conv_problem_weights(&c.problem), false, &rng, &raw);
    free(raw);
    return c;
}

static void conv_free(Conv2d *c)
{
    map_free(&c->src);
    map_free(&c->dst);
    free(c->weights);
}

static ConvProblem strided(const Conv2d *c)
{
    ConvProblem p = c->problem;
    p.src_stride = stride(&c->src);
    p.dst_stride = stride(&c->dst);
    return p;
}

static void check_winograd(WinogradVariant v, bool bf16, GemmKernel *multiply)
{
    Conv2d c = conv_of(3, 7, 32, 48, winograd_kernel(v), bf16);
    Map value = map_new(c.dst.pixels, 48, bf16, 5);
    const WinogradMask masks[] = {{value.dense, 48}, {part(&value), (size_t)stride(&value)}};
    const Winograd dense = {.variant = v, .conv = c.problem, .multiply = multiply};
    const Winograd wide = {.variant = v, .conv = strided(&c), .multiply = multiply};
    void *packed = aligned_nans(winograd_weights_bytes(&dense));
    void *scratch =
        aligned_nans(winograd_scratch_bytes(&dense) + winograd_grad_scratch_bytes(&dense));
    winograd_pack(&dense, c.weights, false, packed);
    for (int masked = 0; masked < 2; masked++) {
        winograd_run(&dense, c.src.dense, packed, NULL, masked ? &masks[0] : NULL, c.dst.dense,
                     scratch);
        winograd_run(&wide, part(&c.src), packed, NULL, masked ? &masks[1] : NULL, part(&c.dst),
                     scratch);
        check_equal(&c.dst);
        for (size_t i = 0; masked && i < c.dst.pixels * 48; i++)
            assert_true(number_at(value.dense, bf16, i) > 0
                        || number_at(c.dst.dense, bf16, i) == 0);
    }
    const size_t sums = conv_problem_weights(&c.problem);
    float *a = xcalloc(sums, sizeof *a), *b = xcalloc(sums, sizeof *b);
    winograd_grad(&dense, c.src.dense, c.dst.dense, a, scratch);
    winograd_grad(&wide, part(&c.src), part(&c.dst), b, scratch);
    assert_memory_equal(a, b, sums * sizeof *a);
    free(a);
    free(b);
    free(packed);
    free(scratch);
    map_free(&value);
    conv_free(&c);
}

static void winograd_takes_strides(void **state)
{
    (void)state;
    for (WinogradVariant v = 0; v < WINOGRAD_VARIANTS; v++) {
        check_winograd(v, false, gemm_plain_f32);
        check_winograd(v, true, gemm_plain_bf16);
        if (gemm_kernel(false))
            check_winograd(v, false, gemm_kernel(false));
        if (gemm_kernel(true))
            check_winograd(v, true, gemm_kernel(true));
    }
}

static void check_im2col(int in, int kernel, bool bf16)
{
    Conv2d c = conv_of(2, 6, in, 32, kernel, bf16);
    GemmKernel *multiply = bf16 ? gemm_plain_bf16 : gemm_plain_f32;
    const Im2col dense = {.conv = c.problem, .multiply = multiply};
    const Im2col wide = {.conv = strided(&c), .multiply = multiply};
    void *packed = aligned_nans(im2col_weights_bytes(&dense));
    void *scratch = aligned_nans(im2col_scratch_bytes(&dense) + im2col_grad_scratch_bytes(&dense));
    im2col_pack(&dense, c.weights, packed);
    im2col_run(&dense, c.src.dense, packed, NULL, c.dst.dense, scratch);
    im2col_run(&wide, part(&c.src), packed, NULL, part(&c.dst), scratch);
    check_equal(&c.dst);
    const size_t sums = im2col_grad_sums(&dense);
    float *a = xcalloc(sums, sizeof *a), *b = xcalloc(sums, sizeof *b);
    im2col_grad(&dense, c.src.dense, c.dst.dense, a, scratch);
    im2col_grad(&wide, part(&c.src), part(&c.dst), b, scratch);
    assert_memory_equal(a, b, sums * sizeof *a);
    free(a);
    free(b);
    free(packed);
    free(scratch);
    conv_free(&c);
}

static void im2col_takes_strides(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        check_im2col(32, 1, bf16);  // rows are read where they are
        check_im2col(7, 1, bf16);
        check_im2col(24, 5, bf16);
    }
}

/* ---- Pools ---- */

static void check_pool(bool bf16, int channels, int stride_of_windows)
{
    enum { BATCH = 2, SIDE = 7 };
    const int side = (SIDE + 2 - 3) / stride_of_windows + 1;
    MaxPool p = {.bf16 = bf16,
                 .batch = BATCH,
                 .channels = channels,
                 .src_height = SIDE,
                 .src_width = SIDE,
                 .dst_height = side,
                 .dst_width = side,
                 .kernel = {3, 3},
                 .stride = {stride_of_windows, stride_of_windows},
                 .pad = {1, 1}};
    const size_t windows = (size_t)(BATCH * side * side);
    Map src = map_new(BATCH * SIDE * SIDE, channels, bf16, 1);
    Map dst = map_new(windows, channels, bf16, 2);
    uint16_t *argmax[2];
    for (int wide = 0; wide < 2; wide++) {
        argmax[wide] = xcalloc(windows * (size_t)channels, sizeof(uint16_t));
        p.src_pixel = wide ? stride(&src) : 0;
        p.dst_pixel = wide ? stride(&dst) : 0;
        max_pool_forward(&p, wide ? part(&src) : src.dense, wide ? part(&dst) : dst.dense,
                         argmax[wide]);
    }
    check_equal(&dst);
    assert_memory_equal(argmax[0], argmax[1], windows * (size_t)channels * sizeof(uint16_t));
    for (int wide = 0; wide < 2; wide++) {
        p.src_pixel = wide ? stride(&src) : 0;
        p.dst_pixel = wide ? stride(&dst) : 0;
        max_pool_backward(&p, wide ? part(&dst) : dst.dense, argmax[wide],
                          wide ? part(&src) : src.dense);
        free(argmax[wide]);
    }
    check_equal(&src);
    map_free(&src);
    map_free(&dst);
}

static void check_pool_bf16(int channels, int stride_of_windows)
{
    enum { BATCH = 2, SIDE = 7 };
    const int side = (SIDE + 2 - 3) / stride_of_windows + 1;
    MaxPoolBf16 p = {.batch = BATCH,
                     .channels = channels,
                     .src_height = SIDE,
                     .src_width = SIDE,
                     .dst_height = side,
                     .dst_width = side,
                     .stride = stride_of_windows,
                     .pad = 1};
    const size_t windows = (size_t)(BATCH * side * side);
    Map src = map_new(BATCH * SIDE * SIDE, channels, true, 1);
    Map dst = map_new(windows, channels, true, 2);
    int16_t *argmax = xcalloc(windows * (size_t)channels, sizeof *argmax);
    max_pool_bf16_forward(&p, (uint16_t *)src.dense, (uint16_t *)dst.dense, argmax);
    p.src_pixel = stride(&src);
    p.dst_pixel = stride(&dst);
    max_pool_bf16_forward(&p, part(&src), part(&dst), NULL);
    check_equal(&dst);
    max_pool_bf16_forward(&p, part(&src), part(&dst), argmax);
    check_equal(&dst);
    max_pool_bf16_backward(&p, part(&dst), argmax, part(&src));
    p.src_pixel = p.dst_pixel = 0;
    max_pool_bf16_backward(&p, (uint16_t *)dst.dense, argmax, (uint16_t *)src.dense);
    check_equal(&src);
    free(argmax);
    map_free(&src);
    map_free(&dst);
}

static void pools_take_strides(void **state)
{
    (void)state;
    for (int s = 1; s <= 2; s++) {
        check_pool(false, 5, s);
        check_pool(false, 48, s);
        check_pool(true, 21, s);
        check_pool_bf16(32, s);
        check_pool_bf16(47, s);
    }
}

/* ---- Loops over numbers ---- */

typedef struct {
    Map map;
    Tensor *dense, *part;
} Pair;

static Pair pair_new(const Dnn *dnn, int channels, bool bf16, uint64_t seed)
{
    const Shape shape = {channels, 3, 2};
    const dnnl_data_type_t type = bf16 ? dnnl_bf16 : dnnl_f32;
    Error err = {0};
    Pair p = {.map = map_new(4 * 6, channels, bf16, seed)};
    CHECK_OK(tensor_new(dnn, shape, 4, type, &p.dense, &err), err);
    CHECK_OK(tensor_new_strided(dnn, shape, stride(&p.map), 4, type, &p.part, &err), err);
    CHECK_OK(tensor_place(p.dense, p.map.dense, &err), err);
    CHECK_OK(tensor_place(p.part, part(&p.map), &err), err);
    return p;
}

static void pair_free(Pair *p)
{
    tensor_free(p->dense);
    tensor_free(p->part);
    map_free(&p->map);
}

static void check_loops(const Dnn *dnn, int channels, bool bf16)
{
    Pair a = pair_new(dnn, channels, bf16, 1), b = pair_new(dnn, channels, bf16, 2);
    Pair c = pair_new(dnn, channels, bf16, 3), dst = pair_new(dnn, channels, bf16, 4);
    const size_t count = (size_t)channels, threads = (size_t)omp_get_max_threads();
    float *sums = xcalloc(2 * count, sizeof *sums), *scratch = xcalloc(threads * count, 4);
    channel_sums_add(sums, a.dense, scratch);
    channel_sums_add(sums + count, a.part, scratch);
    assert_memory_equal(sums, sums + count, count * sizeof *sums);
    free(sums);
    free(scratch);

    relu_forward(dst.dense, a.dense);
    relu_forward(dst.part, a.part);
    check_equal(&dst.map);
    relu_mask(dst.dense, a.dense, b.dense);
    relu_mask(dst.part, a.dense, b.part);  // not all of them are parts
    check_equal(&dst.map);
    for (int masked = 0; masked < 2; masked++) {
        sum_tensors(dst.dense, (Tensor *[]){a.dense, b.dense}, 2, masked ? c.dense : NULL);
        sum_tensors(dst.part, (Tensor *[]){a.part, b.dense}, 2, masked ? c.part : NULL);
        check_equal(&dst.map);
        for (size_t i = 0; masked && i < tensor_count(dst.dense); i++)
            assert_true(number_at(c.map.dense, bf16, i) > 0
                        || number_at(dst.map.dense, bf16, i) == 0);
    }
    copy_pixels(dst.dense, c.dense);
    copy_pixels(dst.part, c.part);
    check_equal(&dst.map);
    float *x = xcalloc(2 * tensor_count(a.dense), sizeof *x), *y = x + tensor_count(a.dense);
    tensor_read_nchw(a.dense, x);
    tensor_read_nchw(a.part, y);
    assert_memory_equal(x, y, tensor_count(a.dense) * sizeof *x);
    tensor_write_nchw(dst.dense, x);
    tensor_write_nchw(dst.part, x);
    check_equal(&dst.map);
    free(x);
    pair_free(&a);
    pair_free(&b);
    pair_free(&c);
    pair_free(&dst);
}

static void loops_take_strides(void **state)
{
    const Dnn *dnn = *state;
    static const int CHANNELS[] = {1, 7, 64, 5000};
    for (size_t i = 0; i < 2 * COUNT(CHANNELS); i++)
        check_loops(dnn, CHANNELS[i / 2], i % 2);
}

static int setup(void **state)
{
    Error err = {0};
    Dnn *dnn = NULL;
    CHECK_OK(dnn_new(&dnn, &err), err);
    *state = dnn;
    return 0;
}

static int teardown(void **state)
{
    dnn_free(*state);
    return 0;
}

int main(int argc, char **argv)
{
    omp_set_num_threads(3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(winograd_takes_strides),
        cmocka_unit_test(im2col_takes_strides),
        cmocka_unit_test(pools_take_strides),
        cmocka_unit_test(loops_take_strides),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
