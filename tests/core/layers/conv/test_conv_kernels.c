/* tests/core/layers/conv/test_conv_kernels.c -- every row of the table of convolution kernels, on
 * every problem that it says it supports, in each direction, against a naive loop: square and
 * rectangular windows, strides, pads, channels that fill no vector, with and without a bias, a ReLU
 * and a mask, in dense maps and in parts of wider ones, in float32 and bfloat16, by one to three
 * threads. conv_check.h has to find all of them right as well. */
#include <omp.h>

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"
#include "core/kernels/conv/gemm.h"
#include "core/kernels/conv/winograd.h"
#include "core/layers/conv/conv_check.h"
#include "core/layers/conv/conv_kernel.h"
#include "core/net/net.h"
#include "tests/check.h"

enum { BATCH = 3, MAX_ROWS = 32 };

/* Of a window, its stride and its pads; the rest of a problem follows. */
static const struct {
    int in, height, width, out;
    int kernel[2], stride[2], pad[2];
} PROBLEMS[] = {
    {32, 9, 8, 48, {1, 1}, {1, 1}, {0, 0}},  {20, 7, 9, 24, {1, 1}, {1, 1}, {0, 0}},
    {16, 9, 7, 32, {1, 1}, {2, 2}, {0, 0}},  {32, 9, 8, 16, {3, 3}, {1, 1}, {1, 1}},
    {16, 6, 11, 32, {3, 3}, {1, 1}, {1, 1}}, {17, 7, 5, 33, {3, 3}, {1, 1}, {1, 1}},
    {16, 9, 8, 32, {3, 3}, {2, 2}, {0, 0}},  {16, 10, 7, 16, {5, 5}, {1, 1}, {2, 2}},
    {3, 13, 12, 16, {7, 7}, {2, 2}, {3, 3}}, {16, 9, 8, 32, {1, 7}, {1, 1}, {0, 3}},
    {32, 9, 8, 16, {7, 1}, {1, 1}, {3, 0}},  {5, 6, 9, 16, {1, 7}, {1, 1}, {0, 3}},
    {16, 9, 8, 48, {1, 3}, {1, 1}, {0, 1}},  {48, 9, 8, 16, {3, 1}, {1, 1}, {1, 0}},
    {16, 9, 8, 32, {3, 1}, {2, 1}, {0, 0}},  {16, 9, 8, 32, {1, 3}, {1, 2}, {0, 1}},
    {16, 9, 8, 32, {7, 1}, {3, 2}, {2, 0}},  {20, 8, 9, 16, {2, 3}, {2, 1}, {0, 1}},
    {16, 5, 9, 32, {1, 7}, {1, 3}, {0, 0}},  {16, 8, 9, 16, {3, 5}, {1, 1}, {1, 2}},
    {19, 9, 8, 7, {3, 1}, {1, 1}, {1, 0}},   {16, 9, 8, 32, {3, 3}, {1, 2}, {1, 1}},
    {16, 9, 8, 32, {3, 3}, {1, 1}, {1, 0}},  {32, 3, 3, 32, {1, 7}, {1, 1}, {0, 3}},
    {15, 14, 2, 96, {3, 3}, {2, 2}, {1, 1}}, {40, 8, 1, 32, {3, 3}, {3, 3}, {1, 1}},
};

static ConvProblem problem_of(size_t i, ConvDirection d, bool bf16, bool no_bias, bool relu)
{
    const int *kernel = PROBLEMS[i].kernel, *stride = PROBLEMS[i].stride, *pad = PROBLEMS[i].pad;
    const int height = PROBLEMS[i].height, width = PROBLEMS[i].width;
    return (ConvProblem){.direction = d,
                         .batch = BATCH,
                         .in = PROBLEMS[i].in,
                         .height = height,
                         .width = width,
                         .out = PROBLEMS[i].out,
                         .dst_height = (height + 2 * pad[0] - kernel[0]) / stride[0] + 1,
                         .dst_width = (width + 2 * pad[1] - kernel[1]) / stride[1] + 1,
                         .kernel_h = kernel[0],
                         .kernel_w = kernel[1],
                         .stride_h = stride[0],
                         .stride_w = stride[1],
                         .pad_h = pad[0],
                         .pad_w = pad[1],
                         .relu = relu,
                         .no_bias = no_bias,
                         .src_bf16 = bf16,
                         .dst_bf16 = bf16,
                         .threads = omp_get_max_threads(),
                         .runs_per_load = 1};
}

/* ---- A task, and plain arrays beside it ---- */

typedef struct {
    ConvTask task;
    Dnn *dnn;
    Shared *shared;
    Tensor *src, *dst;  // or their gradients
    Tensor *value;      // src where the other is its gradient
    void *src_data, *dst_data, *value_data;
    float *plain_src, *plain_dst, *plain_value;  // (N, C, H, W), what the tensors hold
    float *weights, *bias;
    float *weights_grad, *bias_grad;
    size_t weight_count, src_count, dst_count;
} Fixture;

static float *numbers(size_t count, Rng *rng)
{
    float *x = xcalloc(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(2 * rng_uniform(rng) - 1);
    return x;
}

/* Random numbers; `plain` gets what is left of them when they are rounded. */
static Tensor *map_new(const Fixture *f, Shape shape, size_t stride, bool bf16, Rng *rng,
                       void **data, float **plain)
{
    Error err = {0};
    Tensor *t = NULL;
    const dnnl_data_type_t type = bf16 ? dnnl_bf16 : dnnl_f32;
    CHECK_OK(tensor_new_strided(f->dnn, shape, (int)stride, BATCH, type, &t, &err), err);
    *data = aligned_alloc(64, (t->bytes + 63) / 64 * 64);
    memset(*data, 0xff, t->bytes);
    CHECK_OK(tensor_place(t, *data, &err), err);
    *plain = numbers(tensor_count(t), rng);
    tensor_write_nchw(t, *plain);
    tensor_read_nchw(t, *plain);
    return t;
}

static Fixture *fixture_new(const ConvProblem *p)
{
    Error err = {0};
    Fixture *f = xcalloc(1, sizeof *f);
    Rng rng = rng_new(3, RNG_TEST, 0);
    CHECK_OK(dnn_new(&f->dnn, &err), err);
    f->shared = shared_new();
    const Shape src = {p->in, p->height, p->width}, dst = {p->out, p->dst_height, p->dst_width};
    const size_t in = conv_problem_src_stride(p), out = conv_problem_dst_stride(p);
    f->src = map_new(f, src, in, p->src_bf16, &rng, &f->src_data, &f->plain_src);
    f->dst = map_new(f, dst, out, p->dst_bf16, &rng, &f->dst_data, &f->plain_dst);
    f->value = map_new(f, src, in, p->src_bf16, &rng, &f->value_data, &f->plain_value);
    f->src_count = tensor_count(f->src);
    f->dst_count = tensor_count(f->dst);
    f->weight_count = conv_problem_weights(p);
    f->weights = numbers(f->weight_count, &rng);
    f->bias = numbers((size_t)p->out, &rng);
    f->weights_grad = xcalloc(f->weight_count, sizeof *f->weights_grad);
    f->bias_grad = xcalloc((size_t)p->out, sizeof *f->bias_grad);
    f->task = (ConvTask){.problem = *p,
                         .dnn = f->dnn,
                         .shared = f->shared,
                         .training = true,
                         .src = p->relu_mask ? f->value : f->src,
                         .dst = f->dst,
                         .diff_src = f->src,
                         .diff_dst = f->dst,
                         .weights = f->weights,
                         .bias = p->no_bias ? NULL : f->bias,
                         .weights_grad = f->weights_grad,
                         .bias_grad = p->no_bias ? NULL : f->bias_grad};
    return f;
}

static void fixture_free(Fixture *f)
{
    tensor_free(f->src);
    tensor_free(f->dst);
    tensor_free(f->value);
    shared_free(f->shared);
    dnn_free(f->dnn);
    void *all[] = {f->src_data, f->dst_data,     f->plain_src, f->plain_dst,  f->weights,
                   f->bias,     f->weights_grad, f->bias_grad, f->value_data, f->plain_value};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
    free(f);
}

/* ---- The naive loop ---- */

/* One window's tap: numbers of src, dst and weights that meet. */
static void meet(const Fixture *f, size_t s, size_t d, size_t w, double *out)
{
    const bool bf16 = f->task.problem.src_bf16;
    const double weight =
        (double)(bf16 ? bf16_to_float(float_to_bf16(f->weights[w])) : f->weights[w]);
    switch (f->task.problem.direction) {
    case CONV_FORWARD:
        out[d] += weight * (double)f->plain_src[s];
        break;
    case CONV_BACKWARD_DATA:
        out[s] += weight * (double)f->plain_dst[d];
        break;
    default:
        out[w] += (double)f->plain_src[s] * (double)f->plain_dst[d];
    }
}

/* All windows of channel k of src and o of dst in image n. */
static void meet_channels(const Fixture *f, int n, int o, int k, double *out)
{
    const ConvProblem *p = &f->task.problem;
    for (int i = 0; i < p->dst_height; i++)
        for (int j = 0; j < p->dst_width; j++)
            for (int u = 0; u < p->kernel_h; u++)
                for (int v = 0; v < p->kernel_w; v++) {
                    const int y = i * p->stride_h + u - p->pad_h,
                              x = j * p->stride_w + v - p->pad_w;
                    if (y < 0 || y >= p->height || x < 0 || x >= p->width)
                        continue;
                    meet(f, (size_t)(((n * p->in + k) * p->height + y) * p->width + x),
                         (size_t)(((n * p->out + o) * p->dst_height + i) * p->dst_width + j),
                         (size_t)(((o * p->in + k) * p->kernel_h + u) * p->kernel_w + v), out);
                }
}

static size_t result_count(const Fixture *f)
{
    const size_t counts[] = {f->dst_count, f->src_count, f->weight_count};
    return counts[f->task.problem.direction];
}

/* The sums of products, which neither bias nor ReLU nor strides of maps change. */
static double *sum_products(const ConvProblem *p)
{
    Fixture *f = fixture_new(p);
    double *out = xcalloc(result_count(f), sizeof *out);
    for (int n = 0; n < BATCH; n++)
        for (int o = 0; o < p->out; o++)
            for (int k = 0; k < p->in; k++)
                meet_channels(f, n, o, k, out);
    fixture_free(f);
    return out;
}

/* What a kernel should give. */
static double *wanted(const Fixture *f, const double *products)
{
    const ConvProblem *p = &f->task.problem;
    const size_t count = result_count(f);
    double *out = xcalloc(count, sizeof *out);
    memcpy(out, products, count * sizeof *out);
    const size_t plane = (size_t)(p->dst_height * p->dst_width);
    for (size_t i = 0; p->direction == CONV_FORWARD && i < count; i++) {
        out[i] += p->no_bias ? 0 : (double)f->bias[i / plane % (size_t)p->out];
        out[i] = p->relu && out[i] < 0 ? 0 : out[i];
    }
    for (size_t i = 0; p->relu_mask && i < count; i++)
        out[i] = f->plain_value[i] > 0 ? out[i] : 0;
    return out;
}

/* ---- Running a kernel ---- */

/* Length of the difference, as a share of the length of `want`. */
static double error_of(const float *got, const double *want, double scale, size_t count)
{
    double apart = 0, length = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)got[i] - scale * want[i];
        apart += d * d;
        length += scale * scale * want[i] * want[i];
    }
    return sqrt(apart / length);
}

/* In bfloat16 the sources are rounded before the naive loop has them too, and results after it;
 * Winograd's transforms round a second time. */
static double tolerance(const ConvKernel *k, bool bf16)
{
    if (!bf16)
        return k->ops == &CONV_WINOGRAD ? 3e-6 : 1e-6;
    return k->ops == &CONV_WINOGRAD && k->variant != WINOGRAD_1_1 ? 2.5e-2 : 4e-3;
}

static void check(const Fixture *f, const ConvKernel *k, double error)
{
    const ConvProblem *p = &f->task.problem;
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(p, key);
    if (!(error <= tolerance(k, p->src_bf16)))
        fail_msg("%s: wrong by %g of its length: %s", k->name, error, key);
}

static void check_bias(const Fixture *f)
{
    const ConvProblem *p = &f->task.problem;
    const int plane = p->dst_height * p->dst_width;
    for (int o = 0; !p->no_bias && o < p->out; o++) {
        double want = 0;
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < plane; i++)
                want += (double)f->plain_dst[(n * p->out + o) * plane + i];
        CHECK_NEAR(f->bias_grad[o], 2 * want, 2e-4);
    }
}

/* Weights' gradients of two equal parts of a batch, which start from whatever was there. */
static void check_gradients(const Fixture *f, const ConvKernel *k, void *kernel, const double *want)
{
    Error err = {0};
    for (size_t i = 0; i < f->weight_count; i++)
        f->weights_grad[i] = NAN;
    for (int o = 0; o < f->task.problem.out; o++)
        f->bias_grad[o] = NAN;
    grad_accumulators_begin(f->shared->grads);
    CHECK_OK(k->ops->run(kernel, &err), err);
    CHECK_OK(k->ops->run(kernel, &err), err);
    if (k->ops->flush)
        k->ops->flush(kernel);
    check(f, k, error_of(f->weights_grad, want, 2, f->weight_count));
    check_bias(f);
}

/* Forward or backward data; the result is NaN before. */
static void check_pass(const Fixture *f, const ConvKernel *k, void *kernel, const double *want)
{
    Error err = {0};
    Tensor *result = f->task.problem.direction == CONV_FORWARD ? f->dst : f->src;
    memset(result->data, 0xff, result->bytes);
    CHECK_OK(k->ops->load_params(kernel, false, &err), err);
    CHECK_OK(k->ops->run(kernel, &err), err);
    const size_t count = tensor_count(result);
    float *got = xcalloc(count, sizeof *got);
    tensor_read_nchw(result, got);
    check(f, k, error_of(got, want, 1, count));
    free(got);
}

/* A first run, as conv_autotune checks it. */
static bool passes_check(const Fixture *f, const ConvKernel *k, void *kernel,
                         const ConvCheck *sample)
{
    Error err = {0};
    conv_check_spoil(&f->task);
    grad_accumulators_begin(f->shared->grads);
    CHECK_OK(k->ops->load_params(kernel, true, &err), err);
    CHECK_OK(k->ops->run(kernel, &err), err);
    if (k->ops->flush && f->task.problem.direction == CONV_BACKWARD_WEIGHTS)
        k->ops->flush(kernel);
    const double error = conv_check_error(sample, &f->task);
    if (error <= conv_check_limit(&f->task.problem))
        return true;
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(&f->task.problem, key);
    print_message("%s is wrong by %g here: %s\n", k->name, error, key);
    return false;
}

/* Every kernel that supports the problem; `runs` counts, by row. */
static void check_problem(const ConvProblem *p, const double *products, int *runs)
{
    Fixture *f = fixture_new(p);
    double *want = wanted(f, products);
    ConvCheck sample;
    conv_check_new(&sample, &f->task);
    for (int i = 0; i < CONV_KERNELS.count; i++) {
        Error err = {0};
        const ConvKernel *k = &CONV_KERNELS.rows[i];
        void *kernel = NULL;
        if (!k->ops->supports(k, p))
            continue;
        CHECK_OK(k->ops->create(k, &f->task, &kernel, &err), err);
        assert_true(passes_check(f, k, kernel, &sample));
        (p->direction == CONV_BACKWARD_WEIGHTS ? check_gradients : check_pass)(f, k, kernel, want);
        k->ops->destroy(kernel);
        runs[i]++;
    }
    free(want);
    fixture_free(f);
}

/* Rows that this CPU has must have run; forward also with a ReLU. */
static void check_all(bool bf16)
{
    assert_true(CONV_KERNELS.count <= MAX_ROWS);
    int runs[MAX_ROWS] = {0};
    for (size_t i = 0; i < COUNT(PROBLEMS); i++) {
        omp_set_num_threads(1 + (int)i % 3);
        for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
            const ConvProblem plain = problem_of(i, d, bf16, true, false);
            double *products = sum_products(&plain);
            for (int how = 0; how < 8; how++) {
                const bool no_bias = how % 2, relu = how / 2 % 2, wide = how / 4;
                if (relu && d == CONV_BACKWARD_WEIGHTS)
                    continue;
                ConvProblem p = problem_of(i, d, bf16, no_bias, relu && d == CONV_FORWARD);
                p.relu_mask = relu && d == CONV_BACKWARD_DATA;
                p.src_stride = wide ? p.in + 9 : 0;
                p.dst_stride = wide ? p.out + 5 : 0;
                check_problem(&p, products, runs);
            }
            free(products);
        }
    }
    for (int i = 0; i < CONV_KERNELS.count; i++) {
        const ConvKernel *k = &CONV_KERNELS.rows[i];
        const bool here = i == 0 || (gemm_kernel(bf16) && (!k->amx || (bf16 && gemm_tiles())));
        assert_int_equal(runs[i] > 0, here);
    }
}

static void float32(void **state)
{
    (void)state;
    check_all(false);
}

static void bfloat16(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    check_all(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32),
        cmocka_unit_test(bfloat16),
    };
    return RUN_TESTS(tests);
}
