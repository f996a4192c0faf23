#include "core/train/optim/optimizer.h"

#include <math.h>

#include "core/base/threads/chunks.h"
#include "core/train/optim/optimizer_private.h"

const char *const OPTIMIZER_NAMES[] = {[OPTIMIZER_SGD] = "sgd", [OPTIMIZER_ADAMW] = "adamw", NULL};

static const OptimizerOps *const OPTIMIZERS[] = {
    [OPTIMIZER_SGD] = &SGD_OPS, [OPTIMIZER_ADAMW] = &ADAMW_OPS};

bool optimizer_keeps(const Optimizer *o, ParamSlot slot)
{
    return OPTIMIZERS[o->type]->keeps(o, slot);
}

bool optimizer_need_slots(const Optimizer *o, ParamStore *store, Error *err)
{
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        if (optimizer_keeps(o, slot) && !params_need_slot(store, slot, err))
            return false;
    return true;
}

/* What one update has seen so far. */
typedef struct {
    const Optimizer *optimizer;
    UpdateStep step;
    ParamStore *store;
    double grad_squares, values_check;
} Pass;

/* Update the numbers [first, end). */
static void update_range(Pass *pass, size_t first, size_t end, bool decays, double rate_factor)
{
    const OptimizerOps *ops = OPTIMIZERS[pass->optimizer->type];
    Optimizer how = *pass->optimizer;
    UpdateStep step = pass->step;
    how.weight_decay = decays ? how.weight_decay : 0;
    step.learning_rate *= rate_factor;
    const Update u = ops->prepare(&how, step);
    const size_t count = end - first, chunks = chunk_count(count);
    double squares = 0, check = 0;
#pragma omp parallel for schedule(static) reduction(+ : squares, check)
    for (size_t c = 0; c < chunks; c++) {
        const ChunkReport r = ops->update(u, pass->store, first + c * CHUNK, chunk_size(count, c));
        squares += r.squares;
        check += r.check;
    }
    pass->grad_squares += squares;
    pass->values_check += check;
}

/* The numbers [first, end), of which those from `head` on are the head's. */
static void update_part(Pass *pass, size_t first, size_t head, size_t end, bool decays)
{
    const UpdateHead *h = pass->step.head;
    if (first < head && !h->alone)
        update_range(pass, first, head, decays, 1);
    if (head < end)
        update_range(pass, head, end, decays, h->rate_factor);
}

UpdateReport optimizer_update(const Optimizer *o, UpdateStep step, ParamStore *store)
{
    Pass pass = {.optimizer = o, .step = step, .store = store};
    const size_t weights = store->weight_count, trained = store->trained_count;
    const bool all_decay = !o->weights_only;
    if (step.head) {
        update_part(&pass, 0, step.head->weights, weights, true);
        update_part(&pass, weights, step.head->others, trained, all_decay);
    } else {
        const size_t decaying = all_decay ? trained : weights;
        update_range(&pass, 0, decaying, true, 1);
        if (decaying < trained)
            update_range(&pass, decaying, trained, false, 1);
    }
    return (UpdateReport){.grad_norm = sqrt(pass.grad_squares),
                          .values_finite = pass.values_check == 0};
}
