#include "core/evaluate/split.h"

#include <string.h>

#include "core/base/invariant.h"

/* A batch; `first`: its first example. */
static bool evaluate_batch(Net *net, const Batch *batch, int first, const SplitRun *run,
                           Metrics *sum, Error *err)
{
    Predictions *p = run->predictions;
    NetBatch part = {.images = batch->images,
                     .labels = batch->labels,
                     .count = batch->count,
                     .seed = run->seed,
                     .step = run->step,
                     .losses = run->losses ? run->losses + first : NULL};
    if (p) {
        INVARIANT(first + batch->count <= p->count);
        part.logits = p->logits + (size_t)first * (size_t)p->classes;
        memcpy(p->labels + first, batch->labels, (size_t)batch->count * sizeof *p->labels);
    }
    return run->flips ? flips_evaluate_batch(run->flips, net, &part, sum, err)
                      : net_evaluate_batch(net, &part, sum, err);
}

bool split_evaluate(Net *net, Loader *loader, const SplitRun *run, Metrics *sum, Error *err)
{
    int first = 0;
    for (bool last = false; !last;) {
        const Batch *batch = loader_next(loader);
        if (!dataset_intact(run->dataset, err) || !evaluate_batch(net, batch, first, run, sum, err))
            return false;
        first += batch->count;
        if (run->progress)
            run->progress(run->context, first);
        last = batch->last;
        if (!last && run->go_on && !run->go_on(run->context))
            return fail(err, ERR_STOPPED, "stopped within an evaluation");
    }
    return true;
}
