#include "core/train/optim/optimizer.h"

#include <math.h>

#include "core/base/chunks.h"
#include "core/train/optim/optimizer_inside.h"

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

/* Update the numbers [first, end). */
static void update_range(const OptimizerOps *ops, Update u, ParamStore *store, size_t first,
                         size_t end, double *grad_squares, double *values_check)
{
    const size_t count = end - first, chunks = chunk_count(count);
    double squares = 0, check = 0;
#pragma omp parallel for schedule(static) reduction(+ : squares, check)
    for (size_t c = 0; c < chunks; c++) {
        const ChunkReport r = ops->update(u, store, first + c * CHUNK, chunk_size(count, c));
        squares += r.squares;
        check += r.check;
    }
    *grad_squares += squares;
    *values_check += check;
}

UpdateReport optimizer_update(const Optimizer *o, UpdateStep step, ParamStore *store)
{
    const OptimizerOps *ops = OPTIMIZERS[o->type];
    const size_t decaying = o->weights_only ? store->weight_count : store->trained_count;
    Optimizer without = *o;
    without.weight_decay = 0;
    double squares = 0, check = 0;
    update_range(ops, ops->prepare(o, step), store, 0, decaying, &squares, &check);
    if (decaying < store->trained_count)
        update_range(ops, ops->prepare(&without, step), store, decaying, store->trained_count,
                     &squares, &check);
    return (UpdateReport){.grad_norm = sqrt(squares), .values_finite = check == 0};
}
