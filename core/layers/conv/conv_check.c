#include "core/layers/conv/conv_check.h"

#include <math.h>
#include <string.h>

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"

/* A sum over the batch takes longer than one over channels and taps. */
enum { CORNERS = 16, WEIGHT_PLACES = 24, BIAS_PLACES = 4 };

/* Where a number of the result lies: image, row, column and channel of a map, or filter, row and
 * column of the window and channel of the weights; a bias has a filter alone. */
typedef struct {
    int major, row, column, channel;
    bool is_bias;
} Place;

static bool is_of_weights(const ConvProblem *p)
{
    return p->direction == CONV_BACKWARD_WEIGHTS;
}

static int place_count(const ConvProblem *p)
{
    if (!is_of_weights(p))
        return CONV_CHECK_PLACES;
    return WEIGHT_PLACES + (p->no_bias ? 0 : BIAS_PLACES);
}

/* The corners first, then anywhere. */
static Place place_at(const ConvProblem *p, int i)
{
    const int weights[] = {p->out, p->kernel_h, p->kernel_w, p->in};
    const int dst[] = {p->batch, p->dst_height, p->dst_width, p->out};
    const int src[] = {p->batch, p->height, p->width, p->in};
    const int *size = is_of_weights(p) ? weights : p->direction == CONV_FORWARD ? dst : src;
    Rng rng = rng_new(1, RNG_TEST, (uint64_t)i);
    int at[4];
    for (int k = 0; k < 4; k++) {
        const int anywhere = (int)(rng_uniform(&rng) * size[k]),
                  edge = i >> k & 1 ? size[k] - 1 : 0;
        at[k] = i < CORNERS ? edge : anywhere;
    }
    return (Place){at[0], at[1], at[2], at[3], is_of_weights(p) && i >= WEIGHT_PLACES};
}

/* ---- What lies there ---- */

static double number_at(const Tensor *t, int image, int row, int column, int channel)
{
    const Shape s = t->shape;
    const size_t pixel =
        ((size_t)image * (size_t)s.height + (size_t)row) * (size_t)s.width + (size_t)column;
    const size_t at = pixel * (size_t)t->pixel_stride + (size_t)channel;
    if (t->type == dnnl_bf16)
        return (double)bf16_to_float(((const uint16_t *)t->data)[at]);
    return (double)((const float *)t->data)[at];
}

static size_t weight_at(const ConvProblem *p, int o, int u, int v, int i)
{
    return (((size_t)o * (size_t)p->in + (size_t)i) * (size_t)p->kernel_h + (size_t)u)
               * (size_t)p->kernel_w
           + (size_t)v;
}

/* As kernels get it, which compute in the type of the maps. */
static double weight(const ConvTask *t, int o, int u, int v, int i)
{
    const float w = t->weights[weight_at(&t->problem, o, u, v, i)];
    return (double)(t->problem.src_bf16 ? bf16_to_float(float_to_bf16(w)) : w);
}

static double result_at(const ConvTask *t, Place x)
{
    if (x.is_bias)
        return (double)t->bias_grad[x.major];
    if (is_of_weights(&t->problem))
        return (double)t->weights_grad[weight_at(&t->problem, x.major, x.row, x.column, x.channel)];
    const Tensor *map = t->problem.direction == CONV_FORWARD ? t->dst : t->diff_src;
    return number_at(map, x.major, x.row, x.column, x.channel);
}

/* ---- What should ---- */

static bool is_within(int x, int size)
{
    return x >= 0 && x < size;
}

static double wanted_forward(const ConvTask *t, Place x)
{
    const ConvProblem *p = &t->problem;
    double sum = t->bias ? (double)t->bias[x.channel] : 0;
    for (int u = 0; u < p->kernel_h; u++) {
        for (int v = 0; v < p->kernel_w; v++) {
            const int row = x.row * p->stride_h + u - p->pad_h;
            const int column = x.column * p->stride_w + v - p->pad_w;
            if (!is_within(row, p->height) || !is_within(column, p->width))
                continue;
            for (int i = 0; i < p->in; i++)
                sum += number_at(t->src, x.major, row, column, i) * weight(t, x.channel, u, v, i);
        }
    }
    return p->relu && sum < 0 ? 0 : sum;
}

static double wanted_backward_data(const ConvTask *t, Place x)
{
    const ConvProblem *p = &t->problem;
    double sum = 0;
    for (int u = 0; u < p->kernel_h; u++) {
        for (int v = 0; v < p->kernel_w; v++) {
            const int row = x.row + p->pad_h - u, column = x.column + p->pad_w - v;
            if (row % p->stride_h != 0 || column % p->stride_w != 0
                || !is_within(row / p->stride_h, p->dst_height)
                || !is_within(column / p->stride_w, p->dst_width))
                continue;
            for (int o = 0; o < p->out; o++)
                sum += number_at(t->diff_dst, x.major, row / p->stride_h, column / p->stride_w, o)
                       * weight(t, o, u, v, x.channel);
        }
    }
    return p->relu_mask && !(number_at(t->src, x.major, x.row, x.column, x.channel) > 0) ? 0 : sum;
}

static double wanted_backward_weights(const ConvTask *t, Place x)
{
    const ConvProblem *p = &t->problem;
    double sum = 0;
    for (int image = 0; image < p->batch; image++) {
        for (int y = 0; y < p->dst_height; y++) {
            for (int z = 0; z < p->dst_width; z++) {
                const int row = y * p->stride_h + x.row - p->pad_h;
                const int column = z * p->stride_w + x.column - p->pad_w;
                const double diff = number_at(t->diff_dst, image, y, z, x.major);
                if (x.is_bias)
                    sum += diff;
                else if (is_within(row, p->height) && is_within(column, p->width))
                    sum += diff * number_at(t->src, image, row, column, x.channel);
            }
        }
    }
    return sum;
}

void conv_check_new(ConvCheck *c, const ConvTask *t)
{
    static double (*const WANTED[CONV_DIRECTIONS])(const ConvTask *, Place) = {
        [CONV_FORWARD] = wanted_forward,
        [CONV_BACKWARD_DATA] = wanted_backward_data,
        [CONV_BACKWARD_WEIGHTS] = wanted_backward_weights,
    };
    c->count = place_count(&t->problem);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < c->count; i++)
        c->wanted[i] = WANTED[t->problem.direction](t, place_at(&t->problem, i));
}

/* ---- Comparing ---- */

void conv_check_spoil(const ConvTask *t)
{
    enum { NAN_BYTE = 0xff };
    const ConvProblem *p = &t->problem;
    Tensor *map = p->direction == CONV_FORWARD ? t->dst : t->diff_src;
    if (!is_of_weights(p)) {
        memset(map->data, NAN_BYTE, map->bytes);
        return;
    }
    memset(t->weights_grad, NAN_BYTE, conv_problem_weights(p) * sizeof *t->weights_grad);
    if (!p->no_bias)
        memset(t->bias_grad, NAN_BYTE, (size_t)p->out * sizeof *t->bias_grad);
}

/* The products that a number of the result sums up, where no pads are met. */
static double term_count(const ConvProblem *p)
{
    const double taps = (double)p->kernel_h * p->kernel_w;
    switch (p->direction) {
    case CONV_FORWARD:
        return p->in * taps;
    case CONV_BACKWARD_DATA:
        return p->out * taps / (p->stride_h * p->stride_w);
    default:
        return (double)p->batch * p->dst_height * p->dst_width;
    }
}

/* Taps that meet nothing but pads should give 0, where Winograd's give what rounding leaves of the
 * others: places that all are 0 are compared with half the length that sums have elsewhere. */
double conv_check_error(const ConvCheck *c, const ConvTask *t)
{
    const double variance = 1 / 9.0;  // of a product of two numbers from -1 to 1
    double apart = 0, length = 0;
    for (int i = 0; i < c->count; i++) {
        const double off = result_at(t, place_at(&t->problem, i)) - c->wanted[i];
        apart += off * off;
        length += c->wanted[i] * c->wanted[i];
    }
    return sqrt(apart / fmax(length, c->count * variance * term_count(&t->problem) / 4));
}

double conv_check_limit(const ConvProblem *p)
{
    return p->src_bf16 ? 0.1 : 1e-3;
}
