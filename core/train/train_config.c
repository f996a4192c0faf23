#include "core/train/train_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/comm/shard_sum.h"
#include "core/dnn/dnn.h"
#include "core/net/net.h"
#include "core/train/optim/batch_group.h"

const char *const FREEZE_NAMES[] = {[FREEZE_NONE] = "none", [FREEZE_FEATURES] = "features", NULL};

bool train_config_check(const TrainConfig *c, Error *err)
{
    if (c->dataset->test.count < 1)
        return fail(err, ERR_INVALID,
                    "%.200s has no test examples, by which a training is judged at its end",
                    c->dataset->name);
    if (c->epochs < 1)
        return fail(err, ERR_INVALID, "epochs must be 1 or more, got %d", c->epochs);
    if (c->batch_size < 1)
        return fail(err, ERR_INVALID, "batch_size must be 1 or more, got %d", c->batch_size);
    if (!(c->learning_rate > 0))
        return fail(err, ERR_INVALID, "learning_rate must be above 0, got %g", c->learning_rate);
    if (c->optimizer.type == OPTIMIZER_SGD && c->optimizer.nesterov && !(c->optimizer.momentum > 0))
        return fail(err, ERR_INVALID, "nesterov needs a momentum above 0");
    if (c->accumulation < 0)
        return fail(err, ERR_INVALID, "accumulation must be 1 or more, got %d", c->accumulation);
    if (!(c->head_rate_factor >= 0))
        return fail(err, ERR_INVALID, "head_learning_rate_factor must be above 0, got %g",
                    c->head_rate_factor);
    if (c->precision == PRECISION_BF16 && !net_bf16_is_fast())
        return fail(err, ERR_INVALID,
                    "precision bf16 needs a CPU with AVX512-BF16 or AMX, this one has %s; use f32 "
                    "or auto",
                    dnn_isa_name());
    return true;
}

bool train_limit_note(const TrainConfig *c, bool test, char *text, size_t size)
{
    const Dataset *set = c->dataset;
    const Split *split = test ? &set->test : &set->train;
    const int limit = test ? c->test_limit : c->train_limit;
    if (!set->packed || limit < 1 || limit >= split->count)
        return false;
    int64_t *all = xcalloc((size_t)set->classes, sizeof *all);
    int64_t *used = xcalloc((size_t)set->classes, sizeof *used);
    split_count_classes(split, NULL, split->count, set->classes, all);
    split_count_classes(split, NULL, limit, set->classes, used);
    int there = 0, missing = 0, first = 0;
    for (int k = 0; k < set->classes; k++) {
        there += all[k] > 0;
        if (all[k] > 0 && used[k] == 0 && missing++ == 0)
            first = k;
    }
    free(all);
    free(used);
    if (missing == 0)
        return false;
    const int length =
        snprintf(text, size,
                 "%s takes the first %d, and these are of %d of %d classes: none is of \"%.60s\"%s",
                 test ? "test_limit" : "train_limit", limit, there - missing, there,
                 set->class_names[first], missing > 1 ? " and others" : "");
    text_finish(text, size, length);
    return true;
}

int64_t train_epoch_steps(int64_t batches, int accumulation)
{
    const int64_t each = accumulation > 1 ? accumulation : 1;
    return (batches + each - 1) / each;
}

int train_extra_arrays(const TrainConfig *c)
{
    int arrays = batch_group_arrays(c->accumulation) + (c->ema.decay > 0);
    if (c->shards > 1)
        arrays += shard_sum_arrays(comm_size(c->comm), c->shards);
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        arrays += optimizer_keeps(&c->optimizer, slot);
    return arrays;
}
