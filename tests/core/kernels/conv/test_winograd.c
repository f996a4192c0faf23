/* tests/core/kernels/conv/test_winograd.c -- every variant against naive sums, with the plain
 * products and the fast ones, over images that tiles fill and images that they overlap. */
#include "core/kernels/conv/winograd.h"

#include <omp.h>

#include "tests/check.h"
#include "tests/core/numbers.h"

typedef struct {
    int batch, height, width, in, out;
} Case;

static const Case CASES[] = {
    {1, 1, 1, 16, 16}, {3, 3, 3, 32, 16}, {2, 6, 6, 16, 80},
    {3, 7, 5, 48, 32}, {2, 4, 9, 96, 48}, {9, 12, 12, 16, 144},
};

typedef struct {
    Winograd w;
    int r;
    float *src, *dst, *weights, *bias;  // src, dst as the type has them, in float32
    void *raw_src, *raw_dst;            // ... and in the type
} Fixture;

static Fixture fixture_new(const Case *c, WinogradVariant v, bool bf16, GemmKernel *multiply)
{
    Rng rng = rng_new(7, RNG_TEST, 0);
    void *ignored;
    Fixture f = {.w = {.variant = v,
                       .conv = {.batch = c->batch,
                                .in = c->in,
                                .height = c->height,
                                .width = c->width,
                                .out = c->out,
                                .dst_height = c->height,
                                .dst_width = c->width,
                                .src_bf16 = bf16,
                                .dst_bf16 = bf16,
                                .threads = omp_get_max_threads()},
                       .multiply = multiply},
                 .r = winograd_kernel(v)};
    const size_t pixels = (size_t)(c->batch * c->height * c->width);
    f.src = random_numbers(pixels * (size_t)c->in, bf16, &rng, &f.raw_src);
    f.dst = random_numbers(pixels * (size_t)c->out, bf16, &rng, &f.raw_dst);
    f.weights = random_numbers((size_t)(c->in * c->out * f.r * f.r), false, &rng, &ignored);
    free(ignored);
    f.bias = random_numbers((size_t)c->out, false, &rng, &ignored);
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

/* The pixel of src that tap (u, v) of output pixel (y, x) reads, or NULL outside the image. */
static const float *tap(const Fixture *f, int n, int y, int x, int u, int v)
{
    const int pad = (f->r - 1) / 2, i = y + u - pad, j = x + v - pad;
    if (i < 0 || j < 0 || i >= f->w.conv.height || j >= f->w.conv.width)
        return NULL;
    return f->src
           + (size_t)((n * f->w.conv.height + i) * f->w.conv.width + j) * (size_t)f->w.conv.in;
}

/* Weights of a plain convolution at (o, c, u, v), or, flipped, of the one whose backward data this
 * is. */
static double weight(const Fixture *f, bool flipped, int o, int c, int u, int v)
{
    const int r = f->r;
    return (double)(flipped ? f->weights[((c * f->w.conv.out + o) * r + r - 1 - u) * r + r - 1 - v]
                            : f->weights[((o * f->w.conv.in + c) * r + u) * r + v]);
}

static double naive(const Fixture *f, bool flipped, int n, int y, int x, int o)
{
    double sum = 0;
    for (int u = 0; u < f->r; u++) {
        for (int v = 0; v < f->r; v++) {
            const float *pixel = tap(f, n, y, x, u, v);
            for (int c = 0; pixel && c < f->w.conv.in; c++)
                sum += (double)pixel[c] * weight(f, flipped, o, c, u, v);
        }
    }
    return sum;
}

enum { OUT_STEP = 5 };  // of output channels, every so many is compared

/* The sums of the outputs that are compared, in order; neither products nor packing change them. */
static double *naive_outputs(const Fixture *f, bool flipped)
{
    const Winograd *w = &f->w;
    const size_t pixels = (size_t)(w->conv.batch * w->conv.height * w->conv.width);
    double *sums = xcalloc(pixels * (size_t)w->conv.out, sizeof *sums), *sum = sums;
    for (int n = 0; n < w->conv.batch; n++) {
        for (int y = 0; y < w->conv.height; y++) {
            for (int x = 0; x < w->conv.width; x++) {
                for (int o = 0; o < w->conv.out; o += OUT_STEP)
                    *sum++ = naive(f, flipped, n, y, x, o);
            }
        }
    }
    return sums;
}

static void check_run(Fixture *f, bool flipped, const double *sums, double tolerance)
{
    const Winograd *w = &f->w;
    const size_t outputs = (size_t)(w->conv.batch * w->conv.height * w->conv.width * w->conv.out);
    void *packed = aligned_nans(winograd_weights_bytes(w));
    void *scratch = aligned_nans(winograd_scratch_bytes(w));
    winograd_pack(w, f->weights, flipped, packed);
    f->w.conv.relu = !flipped;
    memset(f->raw_dst, 0xff, outputs * (w->conv.dst_bf16 ? 2 : sizeof(float)));  // NaNs
    winograd_run(w, f->raw_src, packed, flipped ? NULL : f->bias, NULL, f->raw_dst, scratch);
    const double scale = sqrt(w->conv.in * f->r * f->r);
    for (int n = 0; n < w->conv.batch; n++) {
        for (int y = 0; y < w->conv.height; y++) {
            for (int x = 0; x < w->conv.width; x++) {
                for (int o = 0; o < w->conv.out; o += OUT_STEP) {
                    double want = *sums++;
                    if (!flipped)
                        want = fmax(0, want + (double)f->bias[o]);
                    const size_t i =
                        (size_t)(((n * w->conv.height + y) * w->conv.width + x) * w->conv.out + o);
                    CHECK_NEAR(number_at(f->raw_dst, w->conv.src_bf16, i), want, tolerance * scale);
                }
            }
        }
    }
    free(packed);
    free(scratch);
}

/* dst of the fixture is taken for diff_dst. */
static double naive_grad(const Fixture *f, int o, int c, int u, int v)
{
    double sum = 0;
    for (int n = 0; n < f->w.conv.batch; n++) {
        for (int y = 0; y < f->w.conv.height; y++) {
            for (int x = 0; x < f->w.conv.width; x++) {
                const float *pixel = tap(f, n, y, x, u, v);
                const size_t i = (size_t)((n * f->w.conv.height + y) * f->w.conv.width + x);
                if (pixel)
                    sum += (double)pixel[c] * (double)f->dst[i * (size_t)f->w.conv.out + (size_t)o];
            }
        }
    }
    return sum;
}

enum { IN_GAP = 3, OUT_GAP = 7 };  // of weights' gradients, those of every so many channels

/* Those of the weights that are compared, in order. */
static double *naive_grads(const Fixture *f)
{
    const int taps = f->r * f->r;
    double *sums = xcalloc((size_t)(f->w.conv.in * taps * f->w.conv.out), sizeof *sums),
           *sum = sums;
    for (int c = 0; c < f->w.conv.in; c += IN_GAP) {
        for (int o = 0; o < f->w.conv.out; o += OUT_GAP) {
            for (int t = 0; t < taps; t++)
                *sum++ = naive_grad(f, o, c, t / f->r, t % f->r);
        }
    }
    return sums;
}

/* Sums are in x taps x out, weights out x in x taps. */
static void check_flush(const Winograd *w, const float *sums, size_t count)
{
    const size_t out = (size_t)w->conv.out, rows = count / out;
    float *weights = aligned_nans(count * sizeof *weights);
    winograd_grad_flush(w, sums, false, weights);
    for (size_t i = 0; i < count; i++)
        assert_true(weights[i % out * rows + i / out] == sums[i]);
    winograd_grad_flush(w, sums, true, weights);
    for (size_t i = 0; i < count; i++)
        assert_true(weights[i % out * rows + i / out] == 2 * sums[i]);
    free(weights);
}

static void check_grad(Fixture *f, const double *wanted, double tolerance)
{
    const Winograd *w = &f->w;
    const int taps = f->r * f->r;
    const size_t count = (size_t)(w->conv.in * taps * w->conv.out);
    float *sums = aligned_nans(count * sizeof *sums);
    void *scratch = aligned_nans(winograd_grad_scratch_bytes(w));
    for (size_t i = 0; i < count; i++)
        sums[i] = 1;
    winograd_grad(w, f->raw_src, f->raw_dst, sums, scratch);
    const double scale = sqrt(w->conv.batch * w->conv.height * w->conv.width);
    for (int c = 0; c < w->conv.in; c += IN_GAP) {
        for (int o = 0; o < w->conv.out; o += OUT_GAP) {
            for (int t = 0; t < taps; t++) {
                const double want = 1 + *wanted++;
                CHECK_NEAR(sums[(c * taps + t) * w->conv.out + o], want, tolerance * (1 + scale));
            }
        }
    }
    check_flush(w, sums, count);
    free(sums);
    free(scratch);
}

/* Also more threads than there is work for. */
static const int TEAMS[] = {1, 2, 3, 13};

/* Run `check` over all variants, cases, kinds of products and ways to pack, with what `naive_sums`
 * gives for a variant and a case. */
static void for_all(bool bf16, double *(*naive_sums)(const Fixture *f),
                    void (*check)(Fixture *f, const double *sums))
{
    GemmKernel *kernels[] = {bf16 ? gemm_plain_bf16 : gemm_plain_f32, gemm_kernel(bf16),
                             bf16 ? gemm_tiles() : NULL};
    const int before = omp_get_max_threads();
    for (WinogradVariant v = 0; v < WINOGRAD_VARIANTS; v++) {
        for (size_t i = 0; i < COUNT(CASES); i++) {
            omp_set_num_threads(TEAMS[i % COUNT(TEAMS)]);
            Fixture f = fixture_new(&CASES[i], v, bf16, kernels[0]);
            double *sums = naive_sums(&f);
            for (size_t k = 0; k < COUNT(kernels) && kernels[k]; k++) {
                f.w.multiply = kernels[k];
                // The matrix tiles take no other packing; in float32 there is no need for it.
                for (int by_rows = kernels[k] == gemm_tiles(); by_rows <= bf16; by_rows++) {
                    f.w.by_rows = by_rows;
                    check(&f, sums);
                }
            }
            free(sums);
            fixture_free(&f);
        }
    }
    omp_set_num_threads(before);
}

/* Shares of the size that sums of random terms have. */
static double tolerance_of(const Fixture *f)
{
    return f->w.conv.src_bf16 ? 0.06 : 1e-5;
}

static double *forward_sums(const Fixture *f)
{
    return naive_outputs(f, false);
}

static void check_forward(Fixture *f, const double *sums)
{
    check_run(f, false, sums, tolerance_of(f));
}

static double *backward_data_sums(const Fixture *f)
{
    return naive_outputs(f, true);
}

static void check_backward_data(Fixture *f, const double *sums)
{
    check_run(f, true, sums, tolerance_of(f));
}

static void check_backward_weights(Fixture *f, const double *sums)
{
    check_grad(f, sums, tolerance_of(f));
}

static void forward_equals_naive_sums(void **state)
{
    (void)state;
    for_all(false, forward_sums, check_forward);
    for_all(true, forward_sums, check_forward);
}

static void backward_data_equals_naive_sums(void **state)
{
    (void)state;
    for_all(false, backward_data_sums, check_backward_data);
    for_all(true, backward_data_sums, check_backward_data);
}

static void backward_weights_equal_naive_sums(void **state)
{
    (void)state;
    for_all(false, naive_grads, check_backward_weights);
    for_all(true, naive_grads, check_backward_weights);
}

/* Whoever runs twice must get the same bits, also next to a NaN in another image. */
static void results_repeat_and_images_stay_apart(void **state)
{
    (void)state;
    const Case c = {2, 5, 5, 16, 32};
    Fixture f = fixture_new(&c, WINOGRAD_3_3, false, gemm_plain_f32);
    const size_t half = 5 * 5 * 32;
    void *packed = aligned_nans(winograd_weights_bytes(&f.w));
    void *scratch = aligned_nans(winograd_scratch_bytes(&f.w));
    float *first = aligned_nans(half * sizeof *first);
    winograd_pack(&f.w, f.weights, false, packed);
    winograd_run(&f.w, f.raw_src, packed, f.bias, NULL, f.raw_dst, scratch);
    memcpy(first, f.raw_dst, half * sizeof *first);
    for (size_t i = 5 * 5 * 16; i < 2 * 5 * 5 * 16; i++)
        ((float *)f.raw_src)[i] = NAN;
    winograd_run(&f.w, f.raw_src, packed, f.bias, NULL, f.raw_dst, scratch);
    assert_memory_equal(first, f.raw_dst, half * sizeof *first);
    assert_true(isnan(((float *)f.raw_dst)[half]));
    free(packed);
    free(scratch);
    free(first);
    fixture_free(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_equals_naive_sums),
        cmocka_unit_test(backward_data_equals_naive_sums),
        cmocka_unit_test(backward_weights_equal_naive_sums),
        cmocka_unit_test(results_repeat_and_images_stay_apart),
    };
    return RUN_TESTS(tests);
}
