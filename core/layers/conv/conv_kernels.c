#include <string.h>

#include "core/base/memory.h"
#include "core/kernels/conv/winograd.h"
#include "core/layers/conv/conv_kernel.h"

static const ConvKernel ROWS[] = {
    {"oneDNN", &CONV_ONEDNN, 0, false},
    {"gemm", &CONV_WINOGRAD, WINOGRAD_1_1, false},  // of a 1 x 1 window
    {"gemm amx", &CONV_WINOGRAD, WINOGRAD_1_1, true},
    {"winograd F(3,3)", &CONV_WINOGRAD, WINOGRAD_3_3, false},
    {"winograd F(3,3) amx", &CONV_WINOGRAD, WINOGRAD_3_3, true},
    {"winograd F(4,3)", &CONV_WINOGRAD, WINOGRAD_4_3, false},
    {"winograd F(4,3) amx", &CONV_WINOGRAD, WINOGRAD_4_3, true},
    {"winograd F(2,5)", &CONV_WINOGRAD, WINOGRAD_2_5, false},
    {"winograd F(2,5) amx", &CONV_WINOGRAD, WINOGRAD_2_5, true},
    {"im2col", &CONV_IM2COL, 0, false},
    {"im2col amx", &CONV_IM2COL, 0, true},
};

const ConvKernelTable CONV_KERNELS = {ROWS, COUNT(ROWS)};

const ConvKernel *conv_kernel_find(const ConvKernelTable *table, const char *name,
                                   const ConvProblem *p)
{
    for (int i = 0; i < table->count; i++) {
        const ConvKernel *k = &table->rows[i];
        if (strcmp(k->name, name) == 0)
            return k->ops->supports(k, p) ? k : NULL;
    }
    return NULL;
}

const ConvKernel *conv_kernel_first(const ConvKernelTable *table, const ConvProblem *p, Error *err)
{
    for (int i = 0; i < table->count; i++) {
        const ConvKernel *k = &table->rows[i];
        if (k->ops->supports(k, p))
            return k;
    }
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(p, key);
    fail(err, ERR_DNN, "no kernel computes %s", key);
    return NULL;
}
