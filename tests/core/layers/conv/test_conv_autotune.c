/* tests/core/layers/conv/test_conv_autotune.c -- which kernel a problem gets, with candidates that
 * fail, and what its key says. */
#include "core/layers/conv/conv_autotune.h"

#include <omp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "core/autotune/tables.h"
#include "tests/check.h"

/* ---- Candidates of the tests' own ---- */

/* oneDNN's kernel, which takes longer and counts its states. Its variant says how it fails. */
enum {
    FINE,
    SLOW,
    UNSTEADY,
    FAILS_TO_CREATE,
    FAILS_TO_LOAD,
    FAILS_TO_RUN,
    UNSUPPORTED,
    COMPUTES_TWICE_AS_MUCH,
    LEAVES_OUT_A_CORNER,
    IS_RIGHT_WHERE_CHANNELS_ARE_EQUAL,
};

typedef struct {
    int created, alive, runs, writes_to_store;
} Counts;

static Counts counts;  // of all of them; the tests run one after another

/* Candidates take no time but what they say, by a clock that nothing else moves: on a busy machine
 * two times of the real one agree, or do not, by chance. */
static int64_t microseconds;
static long interruptions, interruptions_each_run;  // of this thread, as getrusage says

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = microseconds / 1000000,
                             .tv_nsec = microseconds % 1000000 * 1000};
    return 0;
}

int __wrap_getrusage(int who, struct rusage *usage);

int __wrap_getrusage(int who, struct rusage *usage)
{
    (void)who;
    *usage = (struct rusage){.ru_nivcsw = interruptions};
    return 0;
}

static bool supports(const ConvKernel *k, const ConvProblem *p)
{
    (void)p;
    return k->variant != UNSUPPORTED;
}

typedef struct {
    const ConvKernel *kernel;
    const ConvTask *task;
    void *real;
} State;

static bool create(const ConvKernel *k, const ConvTask *task, void **state, Error *err)
{
    State *s = *state = xcalloc(1, sizeof *s);
    s->kernel = k;
    s->task = task;
    counts.created++;
    counts.alive++;
    if (k->variant == FAILS_TO_CREATE)
        return fail(err, ERR_DNN, "%s cannot be created", k->name);
    return CONV_ONEDNN.create(k, task, &s->real, err);
}

static bool load_params(void *state, bool again, Error *err)
{
    const State *s = state;
    assert_true(again);
    if (s->kernel->variant == FAILS_TO_LOAD)
        return fail(err, ERR_DNN, "cannot load");
    return CONV_ONEDNN.load_params(s->real, again, err);
}

/* The numbers of a result in float32, in memory. */
static float *result_of(const ConvTask *t, size_t *count)
{
    *count = conv_problem_weights(&t->problem);
    if (t->problem.direction == CONV_BACKWARD_WEIGHTS)
        return t->weights_grad;
    const Tensor *map = t->problem.direction == CONV_FORWARD ? t->dst : t->diff_src;
    *count = tensor_count(map);
    return map->data;
}

static void make_wrong(const ConvKernel *k, const ConvTask *t)
{
    size_t count = 0;
    float *result = result_of(t, &count);
    for (size_t i = 0; k->variant == COMPUTES_TWICE_AS_MUCH && i < count; i++)
        result[i] *= 2;
    if (k->variant == LEAVES_OUT_A_CORNER)
        result[count - 1] = NAN;
    const size_t in = (size_t)t->problem.in;
    for (size_t i = 0; k->variant == IS_RIGHT_WHERE_CHANNELS_ARE_EQUAL && i < count; i++)
        result[i] *= i / in == i % in ? 1 : -1;
}

static bool run(void *state, Error *err)
{
    const State *s = state;
    counts.runs++;
    interruptions += interruptions_each_run;
    if (s->kernel->variant == FAILS_TO_RUN)
        return fail(err, ERR_DNN, "%s cannot run", s->kernel->name);
    microseconds += s->kernel->variant == SLOW       ? 5000
                    : s->kernel->variant == UNSTEADY ? 2000 * counts.runs
                                                     : 100;
    if (!CONV_ONEDNN.run(s->real, err))
        return false;
    make_wrong(s->kernel, s->task);
    return true;
}

static void destroy(void *state)
{
    State *s = state;
    if (!s)
        return;
    counts.alive--;
    CONV_ONEDNN.destroy(s->real);
    free(s);
}

static const ConvKernelOps OPS = {.supports = supports,
                                  .create = create,
                                  .load_params = load_params,
                                  .run = run,
                                  .destroy = destroy};

/* ---- Tests ---- */

static const ConvProblem PROBLEM = {
    .direction = CONV_BACKWARD_WEIGHTS,
    .batch = 2,
    .in = 16,
    .height = 6,
    .width = 5,
    .out = 32,
    .dst_height = 6,
    .dst_width = 5,
    .kernel_h = 3,
    .kernel_w = 3,
    .stride_h = 1,
    .stride_w = 1,
    .pad_h = 1,
    .pad_w = 1,
    .threads = 2,
    .runs_per_load = 4,
};

static const ConvKernel *choose_for(const ConvProblem *p, const ConvKernel *rows, int count,
                                    Autotune *autotune, Error *err)
{
    Dnn *dnn = NULL;
    CHECK_OK(dnn_new(&dnn, err), *err);
    const ConvKernelTable table = {rows, count};
    const ConvAutotune a = {.table = &table, .autotune = autotune, .dnn = dnn};
    counts = (Counts){0};
    const ConvKernel *kernel = conv_autotune(&a, p, err);
    assert_int_equal(counts.alive, 0);  // whatever was created for the measurement is gone
    dnn_free(dnn);
    return kernel;
}

static const ConvKernel *choose(const ConvKernel *rows, int count, Autotune *autotune, Error *err)
{
    return choose_for(&PROBLEM, rows, count, autotune, err);
}

static void the_fastest_candidate_is_chosen_once(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"slow", &OPS, SLOW, false}, {"fast", &OPS, FINE, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    assert_ptr_equal(choose(ROWS, 2, a, &err), &ROWS[1]);
    assert_int_equal(counts.runs, 8);
    assert_true(a->measurements.rows[0].settled);
    // The next layer with that problem measures nothing.
    assert_ptr_equal(choose(ROWS, 2, a, &err), &ROWS[1]);
    assert_int_equal(counts.runs, 0);
    autotune_free(a);
}

static void a_candidate_that_fails_drops_out(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"not created", &OPS, FAILS_TO_CREATE, false},
                                      {"not loaded", &OPS, FAILS_TO_LOAD, false},
                                      {"slow", &OPS, SLOW, false},
                                      {"not run", &OPS, FAILS_TO_RUN, false},
                                      {"unsupported", &OPS, UNSUPPORTED, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    assert_ptr_equal(choose(ROWS, COUNT(ROWS), a, &err), &ROWS[2]);
    assert_int_equal(counts.created, 4);
    autotune_free(a);
}

/* However fast it is, and also where no other is left. */
static void a_candidate_that_computes_wrongly_drops_out(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"twice as much", &OPS, COMPUTES_TWICE_AS_MUCH, false},
                                      {"slow", &OPS, SLOW, false},
                                      {"leaves out", &OPS, LEAVES_OUT_A_CORNER, false}};
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
        Error err = {0};
        ConvProblem p = PROBLEM;
        p.direction = d;
        Autotune *a = autotune_new();
        assert_ptr_equal(choose_for(&p, ROWS, COUNT(ROWS), a, &err), &ROWS[1]);
        assert_int_equal(a->measurements.rows[0].count, 1);
        autotune_free(a);
        for (size_t i = 0; i < COUNT(ROWS); i += 2) {
            a = autotune_new();
            assert_null(choose_for(&p, &ROWS[i], 1, a, &err));
            assert_non_null(strstr(err.message, ROWS[i].name));
            assert_non_null(strstr(err.message, "computes wrongly on this CPU"));
            autotune_free(a);
        }
    }
}

/* Maps that held the same numbers would have squares in these sums, beside which nothing counts. */
static void squares_do_not_hide_what_is_wrong(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"diagonal", &OPS, IS_RIGHT_WHERE_CHANNELS_ARE_EQUAL, false}};
    Error err = {0};
    ConvProblem p = PROBLEM;
    p.in = p.out = 64;
    p.batch = 32;
    p.kernel_h = p.kernel_w = 1;
    p.pad_h = p.pad_w = 0;
    Autotune *a = autotune_new();
    assert_null(choose_for(&p, ROWS, 1, a, &err));
    assert_non_null(strstr(err.message, "computes wrongly"));
    autotune_free(a);
}

/* One that has no rivals is run to be checked, and known from then on. */
static void a_single_candidate_runs_once(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"only", &OPS, FINE, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    assert_ptr_equal(choose(ROWS, 1, a, &err), &ROWS[0]);
    assert_int_equal(counts.runs, 1);
    assert_true(a->measurements.rows[0].settled);
    autotune_free(a);
}

/* Times of which no two agree say that something else decides them: candidates are run again and
 * again, and what comes of it is believed for a while only. */
static void times_that_do_not_agree_do_not_settle(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"a", &OPS, UNSTEADY, false}, {"slow", &OPS, SLOW, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    assert_non_null(choose(ROWS, 2, a, &err));
    assert_true(counts.runs > 8);
    assert_false(a->measurements.rows[0].settled);
    autotune_free(a);
}

/* Nor do times that agree, of runs in which others had the processor. */
static void interrupted_runs_do_not_settle(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"a", &OPS, FINE, false}, {"b", &OPS, FINE, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    interruptions_each_run = 1;
    assert_non_null(choose(ROWS, 2, a, &err));
    interruptions_each_run = 0;
    assert_int_equal(counts.runs, 2 * 12);
    assert_false(a->measurements.rows[0].settled);
    autotune_free(a);
}

static void no_candidate_left_is_an_error(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"a", &OPS, FAILS_TO_CREATE, false},
                                      {"b", &OPS, FAILS_TO_RUN, false}};
    Error err = {0};
    Autotune *a = autotune_new();
    assert_null(choose(ROWS, 2, a, &err));
    assert_string_equal(err.message, "b cannot run");
    assert_null(choose(ROWS, 0, a, &err));
    assert_non_null(strstr(err.message, "no kernel computes backward weights 3x3"));
    assert_int_equal(autotune_count(a), 0);
    autotune_free(a);
}

/* Every row of a long table takes part. */
static void no_candidate_is_left_out(void **state)
{
    (void)state;
    ConvKernel rows[AUTOTUNE_MAX_CANDIDATES];
    char names[AUTOTUNE_MAX_CANDIDATES][8];
    for (int i = 0; i < AUTOTUNE_MAX_CANDIDATES; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        rows[i] = (ConvKernel){names[i], &OPS, FINE, false};
    }
    Error err = {0};
    Autotune *a = autotune_new();
    assert_non_null(choose(rows, AUTOTUNE_MAX_CANDIDATES, a, &err));
    assert_int_equal(counts.created, AUTOTUNE_MAX_CANDIDATES);
    assert_int_equal(a->measurements.rows[0].count, AUTOTUNE_MAX_CANDIDATES);
    assert_true(CONV_KERNELS.count <= AUTOTUNE_MAX_CANDIDATES);
    autotune_free(a);
}

static void a_recorded_kernel_is_used_unless_it_is_unknown(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"slow", &OPS, SLOW, false}, {"fast", &OPS, FINE, false}};
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(&PROBLEM, key);
    static const struct {
        const char *kernel;
        int want;
        bool differs;
    } CASES[] = {{"slow", 0, false}, {"of a later version", 1, true}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        Autotune *first = autotune_new(), *a = autotune_new();
        autotune_fix(first, key, CASES[i].kernel);
        char *record = autotune_record(first);
        CHECK_OK(autotune_use_record(a, record, &err), err);
        assert_ptr_equal(choose(ROWS, 2, a, &err), &ROWS[CASES[i].want]);
        assert_int_equal(autotune_bits_may_differ(a), CASES[i].differs);
        free(record);
        autotune_free(first);
        autotune_free(a);
    }
}

static bool no(void *context)
{
    ++*(int *)context;
    return false;
}

static void measuring_can_be_stopped(void **state)
{
    (void)state;
    static const ConvKernel ROWS[] = {{"a", &OPS, SLOW, false}, {"b", &OPS, SLOW, false}};
    Error err = {0};
    Dnn *dnn = NULL;
    CHECK_OK(dnn_new(&dnn, &err), err);
    int asked = 0;
    const ConvKernelTable table = {ROWS, 2};
    const ConvAutotune a = {.table = &table,
                            .autotune = autotune_new(),
                            .dnn = dnn,
                            .go_on = no,
                            .go_on_context = &asked};
    counts = (Counts){0};
    assert_null(conv_autotune(&a, &PROBLEM, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    assert_int_equal(asked, 1);
    assert_int_equal(counts.alive, 0);
    autotune_free(a.autotune);
    dnn_free(dnn);
}

/* ---- Keys ---- */

static void every_field_of_a_problem_is_in_the_key(void **state)
{
    (void)state;
    const ConvProblem base = {CONV_FORWARD, 11,    12,    13,    14,    15, 16, 17,
                              18,           19,    20,    21,    22,    23, 24, 25,
                              false,        false, false, false, false, 26, 27};
    ConvProblem p[23];
    int count = 0;
#define OTHER(FIELD, VALUE) (p[count] = base, p[count++].FIELD = (VALUE))
    OTHER(direction, CONV_BACKWARD_DATA);
    OTHER(batch, 99);
    OTHER(in, 99);
    OTHER(height, 99);
    OTHER(width, 99);
    OTHER(out, 99);
    OTHER(dst_height, 99);
    OTHER(dst_width, 99);
    OTHER(src_stride, 99);
    OTHER(dst_stride, 99);
    OTHER(kernel_h, 99);
    OTHER(kernel_w, 99);
    OTHER(stride_h, 99);
    OTHER(stride_w, 99);
    OTHER(pad_h, 99);
    OTHER(pad_w, 99);
    OTHER(relu, true);
    OTHER(relu_mask, true);
    OTHER(no_bias, true);
    OTHER(src_bf16, true);
    OTHER(dst_bf16, true);
    OTHER(threads, 99);
    OTHER(runs_per_load, 99);
#undef OTHER
    // A field that is added to the struct belongs here and in the key.
    assert_int_equal(count, 23);
    assert_int_equal(sizeof base, 17 * sizeof(int) + sizeof(ConvDirection) + 8);
    char keys[24][CONV_PROBLEM_KEY];
    conv_problem_key(&base, keys[count]);
    for (int i = 0; i < count; i++)
        conv_problem_key(&p[i], keys[i]);
    for (int i = 0; i <= count; i++) {
        for (int k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
}

static void the_longest_key_fits(void **state)
{
    (void)state;
    const int big = 2147483647;
    const ConvProblem p = {CONV_BACKWARD_WEIGHTS,
                           4096,
                           99999,
                           99999,
                           99999,
                           99999,
                           99999,
                           99999,
                           99999,
                           99999,
                           999,
                           999,
                           999,
                           999,
                           999,
                           999,
                           true,
                           true,
                           true,
                           true,
                           true,
                           9999,
                           big};
    char key[CONV_PROBLEM_KEY];
    conv_problem_key(&p, key);
    assert_true(strlen(key) < CONV_PROBLEM_KEY - 1);
    assert_non_null(strstr(key, "2147483647 runs"));
}

int main(int argc, char **argv)
{
    omp_set_num_threads(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_candidate_is_chosen_once),
        cmocka_unit_test(a_candidate_that_fails_drops_out),
        cmocka_unit_test(a_candidate_that_computes_wrongly_drops_out),
        cmocka_unit_test(squares_do_not_hide_what_is_wrong),
        cmocka_unit_test(a_single_candidate_runs_once),
        cmocka_unit_test(times_that_do_not_agree_do_not_settle),
        cmocka_unit_test(interrupted_runs_do_not_settle),
        cmocka_unit_test(no_candidate_left_is_an_error),
        cmocka_unit_test(no_candidate_is_left_out),
        cmocka_unit_test(a_recorded_kernel_is_used_unless_it_is_unknown),
        cmocka_unit_test(measuring_can_be_stopped),
        cmocka_unit_test(every_field_of_a_problem_is_in_the_key),
        cmocka_unit_test(the_longest_key_fits),
    };
    return RUN_TESTS(tests);
}
