/* core/train/trainer/trainer_step.c -- one step of a training: a group of batches and an update. */
#include "core/train/trainer/trainer_step.h"

#include <math.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_shards.h"
#include "core/train/trainer/trainer_sizes.h"

/* ---- NaN and infinity ---- */

bool trainer_not_a_number(const char *what, double x, int64_t step, Error *err)
{
    return fail(err, ERR_NUMERIC,
                "%s became %s at step %lld; a smaller learning_rate or a clip_norm may help", what,
                isnan(x) ? "NaN" : "infinite", (long long)step);
}

/* Fails with the first parameter that has NaN or infinity in `array`. */
static bool check_array(const Trainer *t, const char *what, const float *array, Error *err)
{
    for (int p = 0; p < t->params->param_count; p++) {
        const Param *param = &t->params->params[p];
        for (size_t i = 0; role_is_trained(param->role) && i < param->count; i++) {
            const float x = array[param->offset + i];
            if (isfinite(x))
                continue;
            char name[GRAPH_MAX_NAME + 64];
            snprintf(name, sizeof name, what, param->name);
            return trainer_not_a_number(name, x, t->state.step + 1, err);
        }
    }
    return true;
}

/* Searches the arrays only if the update has found NaN or infinity. */
static bool check_update(const Trainer *t, const UpdateReport *update, Error *err)
{
    if (!isfinite(update->grad_norm))
        return check_array(t, "the gradient of %s", t->params->grads, err)
               && trainer_not_a_number("the norm of the gradients", update->grad_norm,
                                       t->state.step + 1, err);
    return update->values_finite || check_array(t, "a number of %s", t->params->values, err);
}

/* ---- A step ---- */

/* Five points an epoch and its end, as the chapter plots them. */
static bool is_point(int64_t step, int64_t steps)
{
    const int64_t spacing = steps >= 5 ? steps / 5 : 1;
    return step % spacing == 0 || step == steps;
}

static NetBatch batch_for(const Trainer *t, const Batch *b, int64_t number)
{
    return (NetBatch){.images = b->images,
                      .labels = b->labels,
                      .mixed_labels = b->mixed_labels,
                      .share = b->share,
                      .count = b->count,
                      .seed = t->config.seed,
                      .step = number};
}

void trainer_grads_ready(void *context, size_t first, size_t count)
{
    Trainer *t = context;
    if (t->shards)
        trainer_shard_grads_ready(t->shards, first, count);
    else
        batch_group_ready(t->group, first, count);
}

/* Whole or in shards. */
static bool train_on(Trainer *t, Net *net, const NetBatch *batch, Metrics *sum, Error *err)
{
    const bool listens = t->config.clip_norm > 0 || t->accumulation > 1;
    if (!t->shards)
        return net_train_batch(net, batch, sum, err);
    if (!trainer_train_shards(t, net, batch, sum, err))
        return false;
    if (listens)
        batch_group_ready(t->group, 0, t->params->trained_count);
    return true;
}

/* The batch after `done` of the group. */
static bool train_batch(Trainer *t, int64_t done, Metrics *sum, Error *err)
{
    const TrainState *s = &t->state;
    const double start = trace_begin(t->config.trace);
    const Batch *batch = loader_next(t->train);
    trace_end(t->config.trace, TRACE_LOAD, start);
    const NetBatch next = batch_for(t, batch, s->epoch * t->batches + s->batch + done);
    if (!dataset_intact(t->config.dataset, err))
        return false;
    batch_group_next(t->group, batch->count);
    Net *net = trainer_net(t, batch->image_size, err);
    return net && train_on(t, net, &next, sum, err)
           && (isfinite(sum->loss)
               || trainer_not_a_number("the loss", sum->loss, s->step + 1, err));
}

/* Gradients of the next `batches` batches; false if they were given up, or failed. */
static bool train_group(Trainer *t, int64_t batches, Metrics *sum, Error *err)
{
    const int64_t seen = t->state.batch * t->config.batch_size, all = t->examples;
    const int64_t wanted = batches * t->config.batch_size;
    batch_group_begin(t->group, wanted < all - seen ? wanted : all - seen);
    for (int64_t done = 0; done < batches; done++) {
        if ((done > 0 && !trainer_goes_on(t)) || !train_batch(t, done, sum, err)) {
            batch_group_give_up(t->group);
            return false;
        }
    }
    return true;
}

/* Update the parameters with the group's gradients. */
static bool update(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const double norm = c->clip_norm > 0 ? batch_group_norm(t->group) : 0;
    const UpdateStep how = {.learning_rate = trainer_rate(t, t->state.step),
                            .step = t->state.step,
                            .head = t->update_head.rate_factor > 0 ? &t->update_head : NULL,
                            .grad_scale = c->clip_norm > 0 ? clip_scale(c->clip_norm, norm) : 1};
    const double start = trace_begin(c->trace);
    const UpdateReport report = optimizer_update(&c->optimizer, how, t->params);
    trace_end(c->trace, TRACE_UPDATE, start);
    if (!check_update(t, &report, err))
        return false;
    if (c->ema.decay > 0)
        average_update(&c->ema, t->state.step + 1, t->params);
    trainer_params_changed(t);
    return true;
}

bool trainer_step(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    const int64_t left = t->batches - s->batch;
    const int64_t batches = t->accumulation < left ? t->accumulation : left;
    Metrics sum = {0};
    const bool alone = comm_size(t->config.comm) == 1;
    t->in_step = !alone;
    const bool trained = train_group(t, batches, &sum, err);
    t->in_step = false;
    if (!trained)
        return alone && t->asked == TRAIN_STOP;
    if (!update(t, err))
        return false;
    metrics_add(&s->epoch_sum, &sum);
    t->step_examples = sum.count;
    const double seconds = clock_seconds() - start;
    s->epoch_seconds += seconds;
    s->ending.seconds += seconds;
    s->step++;
    s->batch += batches;
    t->saved = false;
    const int64_t steps = s->step - s->epoch * t->epoch_steps;
    trainer_report_type(t, is_point(steps, t->epoch_steps) ? TRAIN_POINT : TRAIN_STEP);
    return true;
}
