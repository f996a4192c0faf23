/* core/dnn/ceiling.h -- the fastest matrix product that oneDNN reaches on these cores. */
#pragma once
#include "core/dnn/dnn.h"

/* GFLOP/s of the best of several square products, 2048 x 2048 x 2048, on the team of the
 * calling thread: the bound that a training step is compared with. ERR_DNN, ERR_NO_MEMORY. */
bool gemm_ceiling(const Dnn *dnn, dnnl_data_type_t type, double *gflops, Error *err);
