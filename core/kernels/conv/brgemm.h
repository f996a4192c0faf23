/* core/kernels/conv/brgemm.h -- the products of gemm.h by oneDNN's micro-kernel, which uses matrix
 * tiles.
 *
 * On CPUs with AMX it is several times as fast as vector instructions. A kernel is made for each
 * shape before it is needed; kernels are then used by all threads of a team at once.
 *
 * Shapes   those of gemm.h, of bfloat16, with a by rows (a_depth 1).
 * Errors   ERR_DNN: oneDNN refused the shape.
 * Source   oneDNN's ukernel API, dnnl_brgemm_*, as 3.6 and 3.7 have it. CMake finds out whether
 *          oneDNN has another one or none; then brgemm_available says no.
 */
#pragma once
#include "core/base/error.h"
#include "core/kernels/conv/gemm.h"

typedef struct Brgemms Brgemms;

/* Whether this oneDNN has it, and this CPU has matrix tiles: without them, our own loops are at the
 * CPU's peak already. */
bool brgemm_available(void);

/* No kernels yet, for teams of up to `threads`. NULL where oneDNN has none. */
Brgemms *brgemms_new(int threads);
void brgemms_free(Brgemms *b);  // takes NULL

/* Make what products of this shape need; its pointers are not read. Takes NULL, which needs
 * nothing. */
bool brgemms_add(Brgemms *b, const Gemm *shape, Error *err);

/* A shape that was added. */
void brgemms_multiply(const Brgemms *b, const Gemm *g);

/* By the micro-kernel where there is one, else by `multiply`. */
static inline void brgemms_or(const Brgemms *b, GemmKernel *multiply, const Gemm *g)
{
    if (b)
        brgemms_multiply(b, g);
    else
        multiply(g);
}
