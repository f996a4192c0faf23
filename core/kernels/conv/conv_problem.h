/* core/kernels/conv/conv_problem.h -- all that decides how fast one direction of a convolution is
 * computed, but for the machine.
 *
 *   forward            dst      = src * weights + bias, ReLU if `relu`
 *   backward data      diff_src = diff_dst * weights, transposed; 0 where src is not above 0 if
 *                      `relu_mask`
 *   backward weights   gradients of weights and bias from src and diff_dst
 *
 * Kernels read their shapes from it, and as text it is the key of the autotune cache: a field that
 * is added here is added to the key.
 *
 * Shapes   src batch x height x width x in, dst batch x dst_height x dst_width x out, both
 *          channels-last; weights out x in x kernel_h x kernel_w. The same for their gradients.
 *          Pixels of src and dst may lie further apart than their channels take: both can be parts
 *          of wider tensors.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CONV_FORWARD,
    CONV_BACKWARD_DATA,
    CONV_BACKWARD_WEIGHTS,
    CONV_DIRECTIONS
} ConvDirection;

typedef struct {
    ConvDirection direction;
    int batch;
    int in, height, width;
    int out, dst_height, dst_width;
    int src_stride, dst_stride;  // numbers from one pixel to the next; 0: as many as channels
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_h, pad_w;         // on each side
    bool relu;                // forward only
    bool relu_mask;           // backward data only
    bool no_bias;             // no bias is added, or no gradient of one computed
    bool src_bf16, dst_bf16;  // bfloat16, else float32; the gradients' types are these as well
    int threads;              // of the team that computes
    int runs_per_load;        // how often it runs until the weights change, about
} ConvProblem;

enum { CONV_PROBLEM_KEY = 192 };  // bytes of the text, with the final NUL

/* The problem as one line; differs whenever a field does:
 * "forward 3x3 stride 1x1 pad 1x1, 32x64x24x24 bf16 to 192x24x24 bf16 relu, 2 threads, 4 runs".
 * Channels of pixels that lie apart are followed by the distance: "64/176". */
void conv_problem_key(const ConvProblem *p, char key[CONV_PROBLEM_KEY]);

/* The convolution that computes the backward data of one with stride 1: src and dst exchanged. */
ConvProblem conv_problem_transposed(const ConvProblem *p);

/* Stride 1 and a padding that keeps the image's size: dst is as large as src. */
bool conv_problem_keeps_size(const ConvProblem *p);

/* Numbers from one pixel to the next. */
static inline size_t conv_problem_src_stride(const ConvProblem *p)
{
    return (size_t)(p->src_stride ? p->src_stride : p->in);
}

static inline size_t conv_problem_dst_stride(const ConvProblem *p)
{
    return (size_t)(p->dst_stride ? p->dst_stride : p->out);
}

/* Numbers in the weights. */
static inline size_t conv_problem_weights(const ConvProblem *p)
{
    return (size_t)p->out * (size_t)p->in * (size_t)p->kernel_h * (size_t)p->kernel_w;
}
