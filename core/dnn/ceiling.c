#include "core/dnn/ceiling.h"

#include "core/base/clock.h"
#include "core/dnn/tensor.h"

/* The best of up to MAX_RUNS: a slow CPU, which needs a second for each, is known after three. */
enum { SIDE = 2048, MIN_RUNS = 3, MAX_RUNS = 12 };
#define ENOUGH_SECONDS 0.5

static bool time_product(const Op *op, double *gflops, Error *err)
{
    const double began = clock_seconds();
    double best = 0;
    for (int run = 0; run < MAX_RUNS; run++) {
        const double start = clock_seconds();
        if (run >= MIN_RUNS && start - began > ENOUGH_SECONDS)
            break;
        if (!op_run(op, err))
            return false;
        const double rate = 2e-9 * SIDE * SIDE * SIDE / (clock_seconds() - start);
        best = rate > best ? rate : best;
    }
    *gflops = best;
    return true;
}

bool gemm_ceiling(const Dnn *dnn, dnnl_data_type_t type, double *gflops, Error *err)
{
    const dnnl_dims_t dims = {SIDE, SIDE};
    dnnl_memory_desc_t square = NULL;
    Tensor *tensors[3] = {NULL};
    Op product = {0};
    bool ok = dnn_try(dnnl_memory_desc_create_with_tag(&square, 2, dims, type, dnnl_ab),
                      "describe a matrix", err);
    for (int i = 0; ok && i < 3; i++)
        ok = tensor_alloc(dnn, square, &tensors[i], err);
    if (ok) {
        dnnl_primitive_desc_t desc = NULL;
        const dnnl_status_t status = dnnl_matmul_primitive_desc_create(&desc, dnn->engine, square,
                                                                       square, NULL, square, NULL);
        ok = op_new(&product, dnn, "matrix product", status, desc, err);
    }
    if (ok) {
        op_arg(&product, DNNL_ARG_SRC, tensors[0]->memory);
        op_arg(&product, DNNL_ARG_WEIGHTS, tensors[1]->memory);
        op_arg(&product, DNNL_ARG_DST, tensors[2]->memory);
        ok = time_product(&product, gflops, err);
    }
    op_free(&product);
    for (int i = 0; i < 3; i++)
        tensor_free(tensors[i]);
    if (square)
        dnnl_memory_desc_destroy(square);
    return ok;
}
