/* core/net/net_programs.c -- the programs of a net, with their memory and their parameters. */
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/slab.h"
#include "core/net/memory_plan.h"
#include "core/net/net_private.h"
#include "core/net/rewrites.h"

/* DESIGN. A net holds one program for each number of examples that it has met, with and without
 * backward. There are few, since a batch is cut into micro-batches of one size and a rest. They
 * share one arena, as large as the largest needs: a program expects nothing in it and leaves
 * nothing. They share packed weights and gradient accumulators as well (core/layers/shared.h), and
 * load the parameters again when `version` has changed. Evaluation has a graph, parameters and a
 * micro-batch of its own where batch norms are folded.
 *
 * Several programs at once are those of core/net/net_synced.c, each with an arena of its own. */

/* Make the arena large enough; programs placed in a smaller one must be placed again. */
static bool reserve_arena(Net *net, int part, size_t bytes, Error *err)
{
    Arena *a = &net->arenas[part];
    if (bytes <= a->bytes)
        return true;
    // Not a larger copy: the old numbers are not needed.
    void *memory = slab_new(bytes);
    if (!memory)
        return fail(err, ERR_NO_MEMORY,
                    "no memory for the feature maps of %d examples: %zu MB are needed",
                    net->micro_batches[true], bytes >> 20);
    slab_free(a->memory, a->bytes);
    *a = (Arena){memory, bytes};
    for (int i = 0; i < net->bound_count; i++)
        if (net->bound[i].part == part)
            net->bound[i].placed = false;
    return true;
}

static Bound *find_bound(Net *net, int count, bool training, int part)
{
    for (int i = 0; i < net->bound_count; i++) {
        const Bound *b = &net->bound[i];
        if (b->count == count && b->training == training && b->part == part)
            return &net->bound[i];
    }
    return NULL;
}

Program *net_no_program(const Net *net, const Program *p, Error *err)
{
    const size_t bytes =
        params_bytes(net->params) + (p ? program_arena_bytes(p) : net->arenas[0].bytes);
    const bool small = bytes < 10 << 20;
    if (err && err->code == ERR_NO_MEMORY)
        fail_in(err, "the network needs at least %zu %cB", bytes >> (small ? 10 : 20),
                small ? 'K' : 'M');
    return NULL;
}

static ProgramConfig program_config(const Net *net, int count, bool training)
{
    return (ProgramConfig){
        .batch = count,
        .training = training,
        .type = net->config.bf16 ? dnnl_bf16 : dnnl_f32,
        .shared = net->shared,
        .autotune = net->config.autotune,
        .go_on = net->config.go_on,
        .go_on_context = net->config.go_on_context,
        .kernels_of = net->config.kernels_of,
        .runs_per_load = net->config.batch_size / net->micro_batches[training],
        .views =
            !(net->config.without & REWRITE_NO_VIEWS) && memory_plan_views_pay(net->config.bf16),
        .keep_all = net->config.without & REWRITE_NO_REUSE_MEMORY,
        .train_from = training ? net->train_from : 0,
        .synced = training && net->config.synced,
    };
}

static Bound *make_bound(Net *net, int count, bool training, int part, Error *err)
{
    const bool folded = net->folded && !training;
    Program *program = NULL;
    if (!program_new(folded ? net->evaluation : net->graph,
                     folded ? folded_params(net->folded) : net->params, net->dnn,
                     program_config(net, count, training), &program, err)) {
        net_no_program(net, NULL, err);
        return NULL;
    }
    net->bound = xrealloc(net->bound, (size_t)net->bound_count + 1, sizeof *net->bound);
    Bound *b = &net->bound[net->bound_count++];
    *b = (Bound){.count = count, .training = training, .part = part, .program = program};
    return b;
}

/* The parameters as they are now. */
static bool load_params(Net *net, Bound *b, Error *err)
{
    if (b->version == net->shared->version)
        return true;
    const double start = clock_seconds();
    if (net->folded && !b->training)
        folded_update(net->folded, net->shared->version);
    if (!program_load_params(b->program, err))
        return false;
    b->version = net->shared->version;
    if (net->profile)
        net->profile->load_params += clock_seconds() - start;
    return true;
}

Program *net_program(Net *net, int count, bool training, int part, Error *err)
{
    Bound *b = find_bound(net, count, training, part);
    if (!b)
        b = make_bound(net, count, training, part, err);
    if (!b || !reserve_arena(net, part, program_arena_bytes(b->program), err))
        return NULL;
    if (!b->placed && !program_place(b->program, net->arenas[part].memory, err))
        return net_no_program(net, b->program, err);
    b->placed = true;
    return load_params(net, b, err) ? b->program : net_no_program(net, b->program, err);
}
