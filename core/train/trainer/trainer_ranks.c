/* core/train/trainer/trainer_ranks.c -- what keeps the ranks of a training at one.
 *
 * Every rank goes through the same steps, so whatever decides where to go next must be the same on
 * all: weights and state come from rank 0, as do its clock, its evaluations and its checkpoints'
 * times; whether to stop is asked of all. A training alone does nothing of it. */
#include "core/train/trainer/trainer_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/data/packed/packed_index.h"
#include "core/train/trainer/trainer_kernels.h"

static void add_split(Sha256 *hash, const Dataset *d, const Split *s)
{
    sha256_add(hash, s->pixels, (size_t)s->count * shape_count(d->image));
    sha256_add(hash, s->labels, (size_t)s->count * sizeof *s->labels);
}

static void digest_of(const Dataset *d, char text[65])
{
    if (d->packed) {
        snprintf(text, 65, "%s", d->packed->digest);
        return;
    }
    Sha256 hash = sha256_new();
    add_split(&hash, d, &d->train);
    add_split(&hash, d, &d->test);
    sha256_hex(&hash, text);
}

bool trainer_ranks_agree(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const TrainState *s = &t->state;
    if (comm_size(c->comm) == 1)
        return true;
    char digest[65];
    digest_of(c->dataset, digest);
    char *lines =
        xasprintf("version %s\noneDNN %s\nthe network %s with %zu numbers\n"
                  "the data set %s\nprecision %s\ninstructions %s\n%d threads\n"
                  "%d shards%s\nseed %llu\n%s",
                  s->version, s->onednn, c->model->name, t->params->count, digest, s->precision,
                  s->cpu_isa, s->threads, t->shard_count, t->synced ? ", synced" : "",
                  (unsigned long long)c->seed, c->settings ? c->settings : "");
    const bool same = comm_same(c->comm, lines, err);
    free(lines);
    return same;
}

void trainer_ranks_begin(Trainer *t)
{
    const Comm *comm = t->config.comm;
    ParamStore *p = t->params;
    if (comm_size(comm) == 1)
        return;
    comm_broadcast_text(comm, &t->resume.path);
    comm_broadcast(comm, &t->state, sizeof t->state);
    comm_broadcast(comm, p->values, p->count * sizeof *p->values);
    comm_broadcast(comm, p->counters, p->counter_count * sizeof *p->counters);
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        if (p->slots[slot])
            comm_broadcast(comm, p->slots[slot], p->trained_count * sizeof(float));
}

void trainer_ranks_meet(Trainer *t)
{
    const Comm *comm = t->config.comm;
    TrainState *s = &t->state;
    if (comm_size(comm) == 1)
        return;
    t->asked = (TrainAnswer)comm_max(comm, t->asked);
    double seconds[] = {s->epoch_seconds, s->ending.seconds};
    comm_broadcast(comm, seconds, sizeof seconds);
    s->epoch_seconds = seconds[0];
    s->ending.seconds = seconds[1];
}

bool trainer_ranks_decide(const Trainer *t, bool decision)
{
    int64_t answer = decision;
    comm_broadcast(t->config.comm, &answer, sizeof answer);
    return answer;
}

/* Take over the kernels of rank 0. */
static bool follow_kernels(Trainer *t, const char *record, Error *err)
{
    if (!t->autotune)
        return true;
    if (!autotune_use_record(t->autotune, record, err))
        return false;
    if (!trainer_prepare(t, err))
        return false;
    return !autotune_bits_may_differ(t->autotune)
           || fail(err, ERR_INVALID,
                   "kernels that rank 0 has chosen are not available here: the ranks need CPUs of "
                   "one kind");
}

bool trainer_ranks_kernels(Trainer *t, Error *err)
{
    const Comm *comm = t->config.comm;
    if (comm_size(comm) == 1)
        return trainer_choose_kernels(t, err);
    bool ok = comm_rank(comm) > 0 || trainer_choose_kernels(t, err);
    t->asked = (TrainAnswer)comm_max(comm, t->asked);
    if (!comm_agree(comm, ok || t->asked == TRAIN_STOP, err))
        return false;
    if (t->asked == TRAIN_STOP)
        return false;
    char *record = comm_rank(comm) == 0 && t->autotune ? autotune_record(t->autotune) : NULL;
    comm_broadcast_text(comm, &record);
    ok = comm_rank(comm) == 0 || follow_kernels(t, record, err);
    free(record);
    return comm_agree(comm, ok, err);
}
