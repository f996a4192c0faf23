/* core/train/trainer/trainer_shards.c -- a batch in shards, on this rank and others.
 *
 * Each shard is a batch of its own to the network, whoever computes it: its statistics, its loss,
 * its gradients. What follows is summed over shards, weighted by their share of the examples, in
 * core/comm/shard_sum.h's order. The running statistics are summed alike, each shard having moved
 * on from those before the batch: that is the running update by the mean of the shards' statistics.
 * Synced shards are one batch to batch normalisation and to the loss (core/net/net.h); the network
 * computes those of a rank side by side.
 */
#include "core/train/trainer/trainer_shards.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"
#include "core/comm/shard_sum.h"
#include "core/layers/softmax_loss.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_sizes.h"

/* Numbers whose gradients are sent together. */
enum { BUCKET = 1 << 18 };

struct Shards {
    const Comm *comm;
    ParamStore *store;
    ShardSum *sum;
    Metrics metrics[SHARDS_MAX];
    KeptStatistics before;  // as they were before the batch
    // While the gradients of this rank's last shard become complete.
    int shard;  // -1: nobody is told of them
    float weight;
    size_t bucket_first, bucket_count;  // filled and not yet begun
};

/* ---- How a batch is cut ---- */

/* Where a shard's examples are coupled, one example has nothing to be compared with. */
static int least_examples(const Trainer *t)
{
    return graph_couples_examples(t->graph) && !t->synced ? 2 : 1;
}

/* How many of the shards get examples. */
static int shards_used(const Trainer *t, int64_t count)
{
    const int64_t most = count / least_examples(t);
    return most < 1 ? 1 : most < t->shard_count ? (int)most : t->shard_count;
}

static int64_t largest_shard(const Trainer *t, int64_t count)
{
    const int used = shards_used(t, count);
    return (count + used - 1) / used;
}

/* Examples before shard `shard` of a batch. */
static int shard_begin(const Trainer *t, int count, int shard)
{
    const int used = shards_used(t, count), each = count / used, more = count % used;
    const int at = shard < used ? shard : used;
    return at * each + (at < more ? at : more);
}

void trainer_own_examples(const void *trainer, int count, int *first, int *end)
{
    const Trainer *t = trainer;
    *first = shard_begin(t, count, shard_sum_first(t->shards->sum));
    *end = shard_begin(t, count, shard_sum_end(t->shards->sum));
}

/* The sizes of the batches of an epoch; 0: there is none. */
static void batch_sizes(const Trainer *t, int64_t sizes[2])
{
    const int64_t batch = t->config.batch_size;
    sizes[0] = t->examples >= batch ? batch : 0;
    sizes[1] = t->examples % batch;
}

int trainer_net_batch(const Trainer *t)
{
    if (t->shard_count == 1)
        return t->config.batch_size;
    int64_t sizes[2], largest = 1;
    batch_sizes(t, sizes);
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (sizes[i] > 0 && largest_shard(t, sizes[i]) > largest)
            largest = largest_shard(t, sizes[i]);
    return (int)largest;
}

bool trainer_prepare_training(Trainer *t, Net *net, Error *err)
{
    if (t->shard_count == 1)
        return net_prepare(net, t->examples, 0, err);
    int64_t sizes[2];
    batch_sizes(t, sizes);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        if (sizes[i] == 0)
            continue;
        // Shards have this many examples, and some of them one less.
        const int64_t most = largest_shard(t, sizes[i]);
        const bool even = sizes[i] % shards_used(t, sizes[i]) == 0;
        if (!net_prepare(net, most, 0, err) || (!even && !net_prepare(net, most - 1, 0, err)))
            return false;
    }
    return true;
}

bool trainer_check_shards(const Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const int shards = t->shard_count, ranks = comm_size(c->comm);
    if (shards > SHARDS_MAX)
        return fail(err, ERR_INVALID, "shards must be 1 to %d, got %d", SHARDS_MAX, shards);
    if (shards % ranks != 0)
        return fail(err, ERR_INVALID,
                    "shards must be a multiple of the %d ranks, got %d: each rank computes as "
                    "many shards of a batch",
                    ranks, shards);
    const int least = shards * least_examples(t);
    if (shards > 1 && c->batch_size < least)
        return fail(err, ERR_INVALID, "%d shards of %s need a batch_size of %d or more, got %d",
                    shards, c->model->name, least, c->batch_size);
    return true;
}

/* ---- Life ---- */

bool trainer_new_shards(Trainer *t, Error *err)
{
    if (t->shard_count == 1)
        return true;
    Shards *s = t->shards = xcalloc(1, sizeof *s);
    *s = (Shards){.comm = t->config.comm, .store = t->params, .shard = -1};
    s->before = kept_statistics_new(t->params);
    return shard_sum_new(s->comm, t->shard_count, t->params->count, &s->sum, err);
}

void trainer_free_shards(Shards *s)
{
    if (!s)
        return;
    shard_sum_free(s->sum);
    kept_statistics_free(&s->before);
    free(s);
}

/* ---- A batch ---- */

SIMD_CLONES static void weigh_chunk(size_t count, float *restrict to, float weight,
                                    const float *restrict from)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = weight * from[i];
}

static void weigh(size_t count, float *to, float weight, const float *from)
{
    const size_t chunks = chunk_count(count);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (size_t c = 0; c < chunks; c++)
        weigh_chunk(chunk_size(count, c), to + c * CHUNK, weight, from + c * CHUNK);
}

static void begin_bucket(Shards *s)
{
    if (s->bucket_count > 0)
        shard_sum_begin(s->sum, s->bucket_first, s->bucket_count,
                        s->store->grads + s->bucket_first);
    s->bucket_count = 0;
}

/* Gradients come from the last layer to the first, so ranges mostly grow downwards. */
void trainer_shard_grads_ready(Shards *s, size_t first, size_t count)
{
    if (s->shard < 0)
        return;
    weigh(count, shard_sum_array(s->sum, s->shard) + first, s->weight, s->store->grads + first);
    const bool before = first + count == s->bucket_first;
    const bool behind = s->bucket_first + s->bucket_count == first;
    if (s->bucket_count > 0 && !before && !behind)
        begin_bucket(s);
    if (s->bucket_count == 0 || before)
        s->bucket_first = first;
    s->bucket_count += count;
    if (s->bucket_count >= BUCKET)
        begin_bucket(s);
    else
        shard_sum_progress(s->sum);
}

/* Gradients, unless they were told of as they became complete, and statistics. */
static void fill_array(const Shards *s, int shard, float weight, bool grads)
{
    const ParamStore *p = s->store;
    float *array = shard_sum_array(s->sum, shard);
    if (grads)
        weigh(p->trained_count, array, weight, p->grads);
    weigh(params_statistics(p), array + p->trained_count, weight, p->values + p->trained_count);
}

/* Every rank's last shard has examples: all of them can be told of the same ranges. */
static bool is_told(const Trainer *t, int64_t examples)
{
    return comm_size(t->config.comm) > 1 && shards_used(t, examples) == t->shard_count;
}

static bool train_shard(Trainer *t, Net *net, const NetBatch *batch, int shard, Error *err)
{
    Shards *s = t->shards;
    const int first = shard_begin(t, batch->count, shard);
    NetBatch part = *batch;
    part.count = shard_begin(t, batch->count, shard + 1) - first;
    const size_t image = shape_count(graph_shape(net_graph(net), graph_input(net_graph(net))));
    part.first = first;
    // Shards of a network that couples no examples need be synced in this alone.
    if (t->config.sync)
        part.weight_scale = softmax_weight_scale(t->class_weights, batch->labels, batch->count);
    part.images += (size_t)first * image;
    part.labels += first;
    if (part.mixed_labels)
        part.mixed_labels += first;
    s->metrics[shard] = (Metrics){0};
    const float weight = (float)((double)part.count / (double)batch->count);
    const bool told = is_told(t, batch->count) && shard == shard_sum_end(s->sum) - 1;
    // A shard without examples leaves what the others have counted.
    if (part.count > 0)
        statistics_restore(&s->before, s->store);
    s->shard = told ? shard : -1;
    s->weight = weight;
    const bool ok = part.count == 0 || net_train_batch(net, &part, &s->metrics[shard], err);
    s->shard = -1;
    if (ok)
        fill_array(s, shard, weight, !told);
    return ok;
}

/* How many running statistics stay as they are. The sum of the shards' shares of a number need not
 * be that number. */
static size_t frozen_statistics(const Trainer *t)
{
    return t->config.freeze == FREEZE_FEATURES ? t->head.statistics - t->params->trained_count : 0;
}

/* Synced, all that had examples have computed the same statistics. */
static void share_statistics(const Trainer *t)
{
    const Shards *s = t->shards;
    const ParamStore *p = s->store;
    float *statistics = p->values + p->trained_count;
    if (t->synced)
        comm_broadcast(s->comm, statistics, params_statistics(p) * sizeof(float));
    memcpy(statistics, s->before.statistics, frozen_statistics(t) * sizeof(float));
    comm_broadcast(s->comm, p->counters, p->counter_count * sizeof(int64_t));
}

/* Numbers of all shards become the batch's, the same on every rank. */
static void sum_shards(Trainer *t, bool told, Metrics *sum)
{
    Shards *s = t->shards;
    ParamStore *p = s->store;
    const size_t trained = p->trained_count;
    const double start = trace_begin(t->config.trace);
    begin_bucket(s);
    if (!told)
        shard_sum_begin(s->sum, 0, trained, p->grads);
    if (!t->synced)
        shard_sum_begin(s->sum, trained, params_statistics(p), p->values + trained);
    shard_sum_finish(s->sum);
    share_statistics(t);
    trace_end(t->config.trace, TRACE_SUM, start);
    const int each = t->shard_count / comm_size(s->comm);
    comm_share(s->comm, s->metrics, (size_t)each * sizeof *s->metrics);
    for (int i = 0; i < t->shard_count; i++)
        metrics_add(sum, &s->metrics[i]);
    if (graph_couples_examples(t->graph))
        trainer_params_changed(t);
}

/* ---- Synced ---- */

static void share_numbers(void *context, float *numbers, size_t each)
{
    const Shards *s = context;
    const size_t shards = (size_t)(shard_sum_end(s->sum) - shard_sum_first(s->sum));
    comm_share(s->comm, numbers, shards * each * sizeof *numbers);
}

/* Gradients of the rank's last shard come last. */
static void synced_grads_ready(void *context, int shard, size_t first, size_t count)
{
    Shards *s = context;
    const bool all_told = s->shard == shard;
    if (all_told)
        trainer_shard_grads_ready(s, first, count);
    else
        weigh(count, shard_sum_array(s->sum, shard) + first, 1, s->store->grads + first);
}

static bool train_synced(Trainer *t, Net *net, const NetBatch *batch, Error *err)
{
    Shards *s = t->shards;
    int begin[SHARDS_MAX + 1];
    const int first = shard_sum_first(s->sum), end = shard_sum_end(s->sum);
    for (int i = 0; i <= t->shard_count; i++)
        begin[i] = shard_begin(t, batch->count, i);
    const NetParts parts = {.count = t->shard_count,
                            .first = first,
                            .end = end,
                            .begin = begin,
                            .share = share_numbers,
                            .grads_ready = synced_grads_ready,
                            .context = s};
    for (int i = first; i < end; i++) {
        s->metrics[i] = (Metrics){0};
        if (begin[i] == begin[i + 1])
            memset(shard_sum_array(s->sum, i), 0, s->store->trained_count * sizeof(float));
    }
    s->shard = is_told(t, batch->count) ? end - 1 : -1;
    s->weight = 1;
    const bool ok = net_train_parts(net, batch, &parts, s->metrics, err);
    s->shard = -1;
    return ok;
}

bool trainer_train_shards(Trainer *t, Net *net, const NetBatch *batch, Metrics *sum, Error *err)
{
    Shards *s = t->shards;
    const int first = shard_sum_first(s->sum), end = shard_sum_end(s->sum);
    statistics_keep(s->store, &s->before);
    if (t->synced && !train_synced(t, net, batch, err)) {
        statistics_restore(&s->before, s->store);
        return false;
    }
    for (int shard = first; shard < end && !t->synced; shard++) {
        const bool goes_on = shard == first || trainer_goes_on(t)
                             || fail(err, ERR_STOPPED, "stopped within a batch");
        if (!goes_on || !train_shard(t, net, batch, shard, err)) {
            statistics_restore(&s->before, s->store);
            return false;
        }
    }
    sum_shards(t, is_told(t, batch->count), sum);
    return true;
}
