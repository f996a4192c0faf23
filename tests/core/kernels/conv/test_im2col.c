/* tests/core/kernels/conv/test_im2col.c -- im2col against naive sums, for windows, strides and
 * paddings of all kinds, also rectangular ones, with all kinds of products and teams. */
#include "core/kernels/conv/im2col.h"

#include <omp.h>

#include "tests/check.h"
#include "tests/core/numbers.h"

static const struct {
    int batch, height, width, in, out;
    struct {
        int h, w;
    } kernel, stride, pad;
} CASES[] = {
    {3, 20, 18, 1, 64, {7, 7}, {2, 2}, {3, 3}},   // the first layer
    {2, 12, 12, 16, 32, {5, 5}, {1, 1}, {2, 2}},  // few sums
    {5, 6, 6, 32, 80, {5, 5}, {1, 1}, {2, 2}},    // many
    {7, 3, 3, 33, 16, {3, 3}, {1, 1}, {1, 1}},    // odd channels, an odd number of pixels
    {2, 5, 7, 48, 16, {1, 1}, {1, 1}, {0, 0}},    // rows that lie in place
    {2, 9, 4, 6, 144, {1, 1}, {3, 3}, {0, 0}},   {1, 1, 1, 3, 16, {3, 3}, {1, 1}, {1, 1}},
    {40, 4, 4, 2, 48, {2, 2}, {1, 1}, {0, 0}},   {1, 40, 40, 3, 176, {3, 3}, {1, 1}, {1, 1}},
    {3, 9, 11, 7, 32, {1, 7}, {1, 1}, {0, 3}},  // a line
    {3, 9, 11, 7, 32, {7, 1}, {2, 1}, {3, 0}},  // a column, every other one
    {2, 10, 7, 5, 16, {3, 2}, {2, 3}, {1, 0}},
};

typedef struct {
    Im2col p;
    size_t pixels;  // of dst
    float *src, *dst, *weights, *bias;
    void *raw_src, *raw_dst;  // in the type
} Fixture;

static Fixture fixture_new(size_t i, bool bf16, GemmKernel *multiply)
{
    const int height = CASES[i].height, width = CASES[i].width;
    Fixture f = {.p = {.conv = {.batch = CASES[i].batch,
                                .in = CASES[i].in,
                                .height = height,
                                .width = width,
                                .out = CASES[i].out,
                                .kernel_h = CASES[i].kernel.h,
                                .kernel_w = CASES[i].kernel.w,
                                .stride_h = CASES[i].stride.h,
                                .stride_w = CASES[i].stride.w,
                                .pad_h = CASES[i].pad.h,
                                .pad_w = CASES[i].pad.w,
                                .src_bf16 = bf16,
                                .dst_bf16 = bf16,
                                .threads = omp_get_max_threads()},
                       .multiply = multiply}};
    Im2col *p = &f.p;
    ConvProblem *c = &p->conv;
    c->dst_height = (height + 2 * c->pad_h - c->kernel_h) / c->stride_h + 1;
    c->dst_width = (width + 2 * c->pad_w - c->kernel_w) / c->stride_w + 1;
    f.pixels = (size_t)(p->conv.batch * p->conv.dst_height * p->conv.dst_width);
    Rng rng = rng_new(i, RNG_TEST, 0);
    void *ignored;
    f.src = random_numbers((size_t)(p->conv.batch * p->conv.height * p->conv.width * p->conv.in),
                           bf16, &rng, &f.raw_src);
    f.dst = random_numbers(f.pixels * (size_t)p->conv.out, bf16, &rng, &f.raw_dst);
    f.weights = random_numbers(conv_problem_weights(c), bf16, &rng, &ignored);
    free(ignored);
    f.bias = random_numbers((size_t)p->conv.out, false, &rng, &ignored);
    free(ignored);
    return f;
}

static void fixture_free(Fixture *f)
{
    free(f->src);
    free(f->dst);
    free(f->weights);
    free(f->bias);
    free(f->raw_src);
    free(f->raw_dst);
}

/* What output pixel i sees through (c, u, v). */
static double seen(const Fixture *f, size_t i, int c, int u, int v)
{
    const Im2col *p = &f->p;
    const int pixels = p->conv.dst_height * p->conv.dst_width, n = (int)i / pixels,
              at = (int)i % pixels;
    const int y = at / p->conv.dst_width * p->conv.stride_h + u - p->conv.pad_h;
    const int x = at % p->conv.dst_width * p->conv.stride_w + v - p->conv.pad_w;
    if (y < 0 || x < 0 || y >= p->conv.height || x >= p->conv.width)
        return 0;
    return (double)f->src[((n * p->conv.height + y) * p->conv.width + x) * p->conv.in + c];
}

static int weight_index(const Im2col *p, int o, int c, int u, int v)
{
    return ((o * p->conv.in + c) * p->conv.kernel_h + u) * p->conv.kernel_w + v;
}

static double naive(const Fixture *f, size_t i, int o)
{
    const Im2col *p = &f->p;
    double sum = (double)f->bias[o];
    for (int c = 0; c < p->conv.in; c++)
        for (int u = 0; u < p->conv.kernel_h; u++)
            for (int v = 0; v < p->conv.kernel_w; v++)
                sum += seen(f, i, c, u, v) * (double)f->weights[weight_index(p, o, c, u, v)];
    return sum;
}

static void check_run(Fixture *f)
{
    Im2col *p = &f->p;
    void *packed = aligned_nans(im2col_weights_bytes(p));
    void *scratch = aligned_nans(im2col_scratch_bytes(p));
    im2col_pack(p, f->weights, packed);
    for (int relu = 0; relu < 2; relu++) {
        p->conv.relu = relu;
        im2col_run(p, f->raw_src, packed, f->bias, f->raw_dst, scratch);
        for (size_t i = 0; i < f->pixels; i += 1 + f->pixels / 100) {
            for (int o = 0; o < p->conv.out; o += 5) {
                const double sum = naive(f, i, o), want = relu ? fmax(0, sum) : sum;
                CHECK_NEAR(
                    number_at(f->raw_dst, p->conv.src_bf16, i * (size_t)p->conv.out + (size_t)o),
                    want, (p->conv.src_bf16 ? 4e-3 : 1e-5) * (2 + fabs(want)));
            }
        }
    }
    free(packed);
    free(scratch);
}

/* Twice what one batch gives, on top of what was there. */
static void check_grad(Fixture *f)
{
    const Im2col *p = &f->p;
    float *sums = aligned_nans(im2col_grad_sums(p) * sizeof *sums);
    memset(sums, 0, im2col_grad_sums(p) * sizeof *sums);
    void *scratch = aligned_nans(im2col_grad_scratch_bytes(p));
    im2col_grad(p, f->raw_src, f->raw_dst, sums, scratch);
    im2col_grad(p, f->raw_src, f->raw_dst, sums, scratch);
    const size_t count = conv_problem_weights(&p->conv);
    float *grads = aligned_nans(count * sizeof *grads),
          *added = aligned_nans(count * sizeof *grads);
    im2col_grad_flush(p, sums, false, grads);
    memcpy(added, f->weights, count * sizeof *added);
    im2col_grad_flush(p, sums, true, added);
    const double scale = sqrt((double)f->pixels);
    for (int o = 0; o < p->conv.out; o += 7)
        for (int c = 0; c < p->conv.in; c += 3)
            for (int u = 0; u < p->conv.kernel_h; u++)
                for (int v = 0; v < p->conv.kernel_w; v++) {
                    double want = 0;
                    for (size_t i = 0; i < f->pixels; i++)
                        want += 2 * seen(f, i, c, u, v)
                                * (double)f->dst[i * (size_t)p->conv.out + (size_t)o];
                    const int at = weight_index(p, o, c, u, v);
                    CHECK_NEAR(grads[at], want, 1e-5 * scale);
                    CHECK_NEAR(added[at], want + (double)f->weights[at], 1e-5 * scale);
                }
    free(sums);
    free(scratch);
    free(grads);
    free(added);
}

/* Also more threads than there is work for. */
static const int TEAMS[] = {1, 2, 3, 13};

static void for_all(void (*check)(Fixture *f))
{
    const int before = omp_get_max_threads();
    for (int bf16 = 0; bf16 < 2; bf16++) {
        GemmKernel *kernels[] = {bf16 ? gemm_plain_bf16 : gemm_plain_f32, gemm_kernel(bf16),
                                 bf16 ? gemm_tiles() : NULL};
        for (size_t k = 0; k < COUNT(kernels) && kernels[k]; k++) {
            for (size_t i = 0; i < COUNT(CASES); i++) {
                omp_set_num_threads(TEAMS[(i + k) % COUNT(TEAMS)]);
                Fixture f = fixture_new(i, bf16, kernels[k]);
                // The matrix tiles take no other packing; in float32 there is no need for it.
                for (int by_rows = kernels[k] == gemm_tiles(); by_rows <= bf16; by_rows++) {
                    f.p.by_rows = by_rows;
                    check(&f);
                }
                fixture_free(&f);
            }
        }
    }
    omp_set_num_threads(before);
}

static void forward_equals_naive_sums(void **state)
{
    (void)state;
    for_all(check_run);
}

static void backward_weights_equal_naive_sums(void **state)
{
    (void)state;
    for_all(check_grad);
}

/* A NaN in one pixel reaches every output that sees it, through the ReLU. */
static void a_nan_comes_through(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        GemmKernel *kernel = bf16 ? gemm_plain_bf16 : gemm_plain_f32;
        Fixture f = fixture_new(1, bf16, kernel);
        f.p.conv.relu = true;
        const uint32_t bits = 0xffc00000;
        memcpy(f.raw_src, (const char *)&bits + (bf16 ? 2 : 0), bf16 ? 2 : 4);
        void *packed = aligned_nans(im2col_weights_bytes(&f.p));
        void *scratch = aligned_nans(im2col_scratch_bytes(&f.p));
        im2col_pack(&f.p, f.weights, packed);
        im2col_run(&f.p, f.raw_src, packed, f.bias, f.raw_dst, scratch);
        for (int y = 0; y < 5; y++) {
            for (int x = 0; x < 5; x++) {
                const size_t at = (size_t)((y * f.p.conv.dst_width + x) * f.p.conv.out);
                assert_int_equal(isnan(number_at(f.raw_dst, bf16, at)) != 0, y < 3 && x < 3);
            }
        }
        free(packed);
        free(scratch);
        fixture_free(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_equals_naive_sums),
        cmocka_unit_test(backward_weights_equal_naive_sums),
        cmocka_unit_test(a_nan_comes_through),
    };
    return RUN_TESTS(tests);
}
