#include "core/base/numbers/bf16.h"
#include "core/kernels/conv/gemm.h"

static void plain_one(const Gemm *g, bool bf16)
{
    for (int j = 0; j < g->cols; j++) {
        const int panel = j / GEMM_PANEL * GEMM_PANEL;
        const int left = g->cols - panel, width = left < GEMM_PANEL ? left : GEMM_PANEL;
        for (int i = 0; i < g->rows; i++) {
            float *c = g->c + i * g->c_row + j;
            float sum = g->add ? *c : 0;
            for (int k = 0; k < g->depth; k++) {
                const ptrdiff_t ai = i * g->a_row + k * g->a_depth;
                const ptrdiff_t bi = (ptrdiff_t)panel * g->depth + (ptrdiff_t)k * width + j - panel;
                if (bf16) {
                    const uint16_t *a = (const uint16_t *)g->a + 2 * ai;
                    const uint16_t *b = (const uint16_t *)g->b + 2 * bi;
                    sum += bf16_to_float(a[0]) * bf16_to_float(b[0])
                           + bf16_to_float(a[1]) * bf16_to_float(b[1]);
                } else {
                    sum += ((const float *)g->a)[ai] * ((const float *)g->b)[bi];
                }
            }
            *c = sum;
        }
    }
}

static void plain(const Gemm *g, bool bf16)
{
    for (int i = 0; i == 0 || i < g->count; i++) {
        const Gemm one = gemm_at(g, i);
        plain_one(&one, bf16);
    }
}

void gemm_plain_f32(const Gemm *g)
{
    plain(g, false);
}

void gemm_plain_bf16(const Gemm *g)
{
    plain(g, true);
}
