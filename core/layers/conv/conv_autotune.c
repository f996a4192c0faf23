#include "core/layers/conv/conv_autotune.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"
#include "core/base/slab.h"
#include "core/layers/conv/conv_check.h"

static_assert((int)CONV_PROBLEM_KEY <= (int)AUTOTUNE_KEY, "a problem's text is a key");

/* DESIGN. Other processes only ever make a run slower, so a candidate's time is the least of
 * several. Candidates take turns, so that a disturbance hits all of them, and each finds the cache
 * as in a step: full of other data. A candidate that is FAR_SECONDS and FAR times behind the
 * fastest after its first turn gets no other. After MIN_ROUNDS turns, only those close to the
 * fastest go on, until the two least times of each agree and its fastest run was not interrupted:
 * then the measurement has settled. One that has not by MAX_ROUNDS is used all the same, but
 * core/autotune believes it for a while only. The only candidate runs once, to be checked.
 */
enum { MIN_ROUNDS = 4, MAX_ROUNDS = 12 };
static const double CLOSE = 1.25;                 // times the least time of all: still in the race
static const double FAR = 4, FAR_SECONDS = 0.05;  // more than a disturbance
static const double AGREE = 1.1;  // the second least time of a candidate by its least

/* ---- Scratch memory ---- */

enum { MAPS = 4 };

/* What a problem is measured on. */
typedef struct {
    ConvTask task;
    Tensor *maps[MAPS];
    void *memory[MAPS];
    size_t bytes[MAPS];
    float *params;
    size_t params_bytes;
} Scratch;

static bool map_new(Scratch *s, int i, Shape shape, size_t stride, bool bf16, Error *err)
{
    return tensor_new_strided(s->task.dnn, shape, (int)stride, s->task.problem.batch,
                              bf16 ? dnnl_bf16 : dnnl_f32, &s->maps[i], err);
}

/* Numbers of the size that feature maps have: zeros and denormals would run at another speed. They
 * come again after a prime number of them, so that neighbouring rows and images differ, and each
 * stream has others: sums of squares would be so large as to hide what else is wrong. */
static void fill(void *data, size_t count, bool bf16, int stream)
{
    enum { BLOCK = 4093 };
    float numbers[BLOCK];
    uint16_t halves[BLOCK];
    Rng rng = rng_new(1, RNG_TEST, (uint64_t)stream);
    for (int i = 0; i < BLOCK; i++) {
        numbers[i] = (float)(2 * rng_uniform(&rng) - 1);
        halves[i] = float_to_bf16(numbers[i]);
    }
    const void *block = bf16 ? (const void *)halves : numbers;
    const size_t size = bf16 ? sizeof halves[0] : sizeof numbers[0];
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t left = count - at;
        memcpy((char *)data + at * size, block, (left < BLOCK ? left : BLOCK) * size);
    }
}

static bool map_place(Scratch *s, int i, Error *err)
{
    Tensor *t = s->maps[i];
    s->bytes[i] = t->bytes;
    s->memory[i] = slab_new(t->bytes);
    if (!s->memory[i])
        return fail(err, ERR_NO_MEMORY, "no memory to measure kernels in: %zu MB are needed",
                    t->bytes >> 20);
    fill(s->memory[i], t->bytes / tensor_number_bytes(t->type), t->type == dnnl_bf16, i);
    return tensor_place(t, s->memory[i], err);
}

/* Weights, bias, and their gradients. */
static bool params_new_scratch(Scratch *s, Error *err)
{
    const size_t weights = conv_problem_weights(&s->task.problem);
    const size_t out = (size_t)s->task.problem.out, count = 2 * (weights + out);
    s->params_bytes = count * sizeof(float);
    s->params = slab_new(s->params_bytes);
    if (!s->params)
        return fail(err, ERR_NO_MEMORY, "no memory to measure kernels in: %zu MB are needed",
                    s->params_bytes >> 20);
    fill(s->params, count, false, MAPS);
    s->task.weights = s->params;
    s->task.weights_grad = s->params + weights;
    if (!s->task.problem.no_bias) {
        s->task.bias = s->task.weights_grad + weights;
        s->task.bias_grad = s->task.weights_grad + weights + out;
    }
    return true;
}

static bool scratch_new(Scratch *s, const Dnn *dnn, const ConvProblem *p, Error *err)
{
    enum { SRC, DST, DIFF_SRC, DIFF_DST };
    static const bool USED[CONV_DIRECTIONS][MAPS] = {
        [CONV_FORWARD] = {[SRC] = true, [DST] = true},
        [CONV_BACKWARD_DATA] = {[DIFF_SRC] = true, [DIFF_DST] = true},
        [CONV_BACKWARD_WEIGHTS] = {[SRC] = true, [DIFF_DST] = true},
    };
    const Shape src = {p->in, p->height, p->width}, dst = {p->out, p->dst_height, p->dst_width};
    s->task = (ConvTask){.problem = *p, .dnn = dnn, .shared = shared_new(), .training = true};
    const size_t in = conv_problem_src_stride(p), out = conv_problem_dst_stride(p);
    bool ok = map_new(s, SRC, src, in, p->src_bf16, err)
              && map_new(s, DST, dst, out, p->dst_bf16, err)
              && map_new(s, DIFF_SRC, src, in, p->src_bf16, err)
              && map_new(s, DIFF_DST, dst, out, p->dst_bf16, err) && params_new_scratch(s, err);
    for (int i = 0; ok && i < MAPS; i++)
        ok = (!USED[p->direction][i] && !(i == SRC && p->relu_mask)) || map_place(s, i, err);
    s->task.src = s->maps[SRC];
    s->task.dst = s->maps[DST];
    s->task.diff_src = s->maps[DIFF_SRC];
    s->task.diff_dst = s->maps[DIFF_DST];
    return ok;
}

static void scratch_free(Scratch *s)
{
    for (int i = 0; i < MAPS; i++) {
        tensor_free(s->maps[i]);
        slab_free(s->memory[i], s->bytes[i]);
    }
    slab_free(s->params, s->params_bytes);
    shared_free(s->task.shared);
}

/* ---- Candidates ---- */

typedef struct {
    const ConvKernel *kernel;  // NULL: dropped out
    void *state;
    double least, second;  // seconds of a run
    bool undisturbed;      // none of its threads was interrupted in the fastest run
} Candidate;

typedef struct {
    Candidate items[AUTOTUNE_MAX_CANDIDATES];
    int count;
} Candidates;

static void drop(Candidate *c)
{
    c->kernel->ops->destroy(c->state);
    c->kernel = NULL;
}

static long interruptions(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

/* What a run takes, and its share of what is done once for several: packing the weights, flushing
 * the gradients. That also leaves nothing in the accumulators. */
static bool time_once(const Candidate *c, const ConvTask *task, double *seconds, Error *err)
{
    const ConvKernelOps *ops = c->kernel->ops;
    grad_accumulators_begin(task->shared->grads);
    const double start = clock_seconds();
    if (!ops->load_params(c->state, true, err))
        return false;
    const double loaded = clock_seconds();
    if (!ops->run(c->state, err))
        return false;
    const double ran = clock_seconds();
    if (ops->flush && task->problem.direction == CONV_BACKWARD_WEIGHTS)
        ops->flush(c->state);
    const double end = clock_seconds();
    *seconds = ran - loaded + (loaded - start + end - ran) / task->problem.runs_per_load;
    return true;
}

static bool time_candidate(Candidate *c, const ConvTask *task, Error *err)
{
    const long before = interruptions();
    double seconds = 0;
    if (!time_once(c, task, &seconds, err))
        return false;
    if (seconds < c->least) {
        c->second = c->least;
        c->least = seconds;
        c->undisturbed = interruptions() == before;
    } else if (seconds < c->second) {
        c->second = seconds;
    }
    return true;
}

/* The first run of a candidate: what it gives has to be right. */
static bool check_candidate(Candidate *c, const ConvTask *task, const ConvCheck *check, Error *err)
{
    conv_check_spoil(task);
    if (!time_candidate(c, task, err))
        return false;
    const double error = conv_check_error(check, task);
    if (error <= conv_check_limit(&task->problem))
        return true;
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(&task->problem, key);
    return fail(err, ERR_DNN, "%s computes wrongly on this CPU, by %g of the result's length: %s",
                c->kernel->name, error, key);
}

static int count_left(const Candidates *all)
{
    int count = 0;
    for (int i = 0; i < all->count; i++)
        count += all->items[i].kernel != NULL;
    return count;
}

static double least_of_all(const Candidates *all)
{
    double least = INFINITY;
    for (int i = 0; i < all->count; i++) {
        if (all->items[i].kernel)
            least = fmin(least, all->items[i].least);
    }
    return least;
}

static bool is_close(const Candidate *c, double least)
{
    return c->kernel && c->least <= CLOSE * least;
}

static bool have_settled(const Candidates *all)
{
    if (count_left(all) <= 1)
        return true;
    const double least = least_of_all(all);
    for (int i = 0; i < all->count; i++) {
        const Candidate *c = &all->items[i];
        if (is_close(c, least) && !(c->undisturbed && c->second <= AGREE * c->least))
            return false;
    }
    return true;
}

static bool goes_on(const ConvAutotune *a, Error *err)
{
    return !a->go_on || a->go_on(a->go_on_context)
           || fail(err, ERR_STOPPED, "stopped while kernels were measured");
}

/* Every candidate once that is still in the race. False: stop. */
static bool one_round(const ConvAutotune *a, Candidates *all, const ConvTask *task,
                      const ConvCheck *check, int round, Error *err)
{
    const double least = least_of_all(all);
    const double most =
        round >= MIN_ROUNDS ? CLOSE * least : fmax(FAR * least, least + FAR_SECONDS);
    for (int i = 0; i < all->count; i++) {
        Candidate *c = &all->items[i];
        if (!c->kernel || (round > 0 && c->least > most))
            continue;
        if (!goes_on(a, err))
            return false;
        if (!(round == 0 ? check_candidate(c, task, check, err) : time_candidate(c, task, err)))
            drop(c);
    }
    return true;
}

/* ---- The measurement ---- */

/* NULL: every candidate dropped out, the last one for the reason in err. */
static const ConvKernel *decide(const ConvAutotune *a, const char *key, const Candidates *all)
{
    AutotuneTime times[AUTOTUNE_MAX_CANDIDATES];
    int count = 0;
    for (int i = 0; i < all->count; i++) {
        const Candidate *c = &all->items[i];
        if (c->kernel)
            times[count++] = (AutotuneTime){c->kernel->name, 1e6 * c->least};
    }
    if (count == 0)
        return NULL;
    const char *name = autotune_decide(a->autotune, key, times, count, have_settled(all));
    for (int i = 0; i < all->count; i++) {
        if (all->items[i].kernel && strcmp(all->items[i].kernel->name, name) == 0)
            return all->items[i].kernel;
    }
    return NULL;
}

static const ConvKernel *measure(const ConvAutotune *a, const char *key, Candidates *all,
                                 const ConvProblem *p, Error *err)
{
    Scratch s = {0};
    const ConvKernel *best = NULL;
    if (scratch_new(&s, a->dnn, p, err)) {
        for (int i = 0; i < all->count; i++) {
            Candidate *c = &all->items[i];
            if (!c->kernel->ops->create(c->kernel, &s.task, &c->state, err))
                drop(c);
        }
        ConvCheck check;
        bool going = goes_on(a, err);
        if (going)
            conv_check_new(&check, &s.task);
        for (int round = 0; going && round < MAX_ROUNDS; round++) {
            const int least_rounds = count_left(all) > 1 ? MIN_ROUNDS : 1;
            if (round >= least_rounds && have_settled(all))
                break;
            going = one_round(a, all, &s.task, &check, round, err);
        }
        best = going ? decide(a, key, all) : NULL;
    }
    for (int i = 0; i < all->count; i++) {
        if (all->items[i].kernel)
            drop(&all->items[i]);
    }
    scratch_free(&s);
    return best;
}

const ConvKernel *conv_autotune(const ConvAutotune *a, const ConvProblem *p, Error *err)
{
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(p, key);
    const char *known = autotune_kernel(a->autotune, key);
    const ConvKernel *kernel = known ? conv_kernel_find(a->table, known, p) : NULL;
    if (kernel)
        return kernel;
    if (known)
        autotune_reject(a->autotune, key);
    if (!conv_kernel_first(a->table, p, err))
        return NULL;
    Candidates all = {0};
    INVARIANT(a->table->count <= AUTOTUNE_MAX_CANDIDATES);
    for (int i = 0; i < a->table->count; i++) {
        const ConvKernel *k = &a->table->rows[i];
        if (k->ops->supports(k, p))
            all.items[all.count++] = (Candidate){k, NULL, INFINITY, INFINITY, false};
    }
    return measure(a, key, &all, p, err);
}
