/* core/train/optim/optimizer_private.h -- what the optimizers share.
 *
 * An optimizer prepares its constants once for each update, then is called for chunks of the
 * arrays. The passes wait for memory, so that looking at the numbers costs next to nothing: x - x
 * is 0 but for NaN and infinity.
 */
#pragma once
#include "core/train/optim/optimizer.h"

/* What one chunk has seen. */
typedef struct {
    float squares;  // of the gradients
    float check;    // 0; NaN if a new value is NaN or infinite
} ChunkReport;

/* The constants of one update, in the type that it is computed in. */
typedef struct {
    float rate, decay, grad_scale;
    float momentum;          // SGD
    float g_share, m_share;  // SGD: of the gradient and of the momentum in the update
    float beta1, beta2;      // AdamW
    float rest1, rest2;      // AdamW: 1 - beta, rounded once
    float keep;              // AdamW: 1 - rate * decay
    float step_size;         // AdamW: rate, corrected for the start of m
    float v_root;            // AdamW: what corrects the square root of v for its start
    float epsilon;           // AdamW
} Update;

typedef struct {
    bool (*keeps)(const Optimizer *optimizer, ParamSlot slot);
    Update (*prepare)(const Optimizer *optimizer, UpdateStep step);
    /* Update `count` numbers from `at` on. */
    ChunkReport (*update)(Update update, ParamStore *store, size_t at, size_t count);
} OptimizerOps;

extern const OptimizerOps SGD_OPS;
extern const OptimizerOps ADAMW_OPS;
