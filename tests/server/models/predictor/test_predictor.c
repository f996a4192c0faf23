/* tests/server/models/predictor/test_predictor.c -- many threads that predict at a time: right
 * answers, bit for bit, whatever is computed together and whatever becomes of the files; models
 * that leave. */
#include "server/models/predictor/predictor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/numbers/rng.h"
#include "core/base/threads/team.h"
#include "core/train/files/checkpoint.h"
#include "core/train/init.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

enum {
    SIDE = 32,
    CHANNELS = 3,
    CLASSES = 4,
    IMAGE = CHANNELS * SIDE * SIDE,
    IMAGES = 40,
    MODELS = 2
};

typedef struct {
    Scratch folder;
    char *path[MODELS], *kernels;
    float *images;                        // (IMAGES, IMAGE)
    float want[MODELS][IMAGES][CLASSES];  // each computed alone
} Fixture;

static void write_model(const char *path, uint64_t seed)
{
    const ModelInfo info = {.network = "googlenet_tiny",
                            .channels = CHANNELS,
                            .image_size = SIDE,
                            .classes = CLASSES,
                            .precision = PRECISION_F32,
                            .picture = {.channels = CHANNELS, .size = 40, .fit = FIT_PAD}};
    Error err = {0};
    ParamStore *params;
    Graph *g = model_graph_with(models_find(info.network), (Shape){CHANNELS, SIDE, SIDE},
                                (ModelOptions){.classes = CLASSES}, &err);
    assert_non_null(g);
    CHECK_OK(params_new(g, &params, &err), err);
    init_params(params, init_xavier_uniform, seed);
    CHECK_OK(model_save(path, params, &info, &err), err);
    params_free(params);
    graph_free(g);
}

static void compute_alone(Fixture *f, int m)
{
    Error err = {0};
    LoadedModel *model;
    ModelRunner *runner;
    CHECK_OK(loaded_model_open(f->path[m], &(ModelHints){0}, PRECISION_AUTO, NULL, &model, &err),
             err);
    CHECK_OK(model_runner_new(model, &(ModelRunnerConfig){0}, &runner, &err), err);
    for (int i = 0; i < IMAGES; i++)
        CHECK_OK(model_runner_run(runner, f->images + (size_t)i * IMAGE, 1, f->want[m][i], &err),
                 err);
    model_runner_free(runner);
    loaded_model_free(model);
}

/* Kernels are oneDNN's: what is measured might differ from one net to the next. */
static Fixture *fixture_new(void)
{
    Fixture *f = xcalloc(1, sizeof *f);
    Rng rng = rng_new(3, RNG_TEST, 0);
    f->folder = scratch_new();
    f->kernels = xasprintf("%s/kernels.txt", f->folder.path);
    f->images = xcalloc((size_t)IMAGES * IMAGE, sizeof *f->images);
    for (int i = 0; i < IMAGES * IMAGE; i++)
        f->images[i] = (float)rng_uniform(&rng);
    for (int m = 0; m < MODELS; m++) {
        f->path[m] = xasprintf("%s/%d.safetensors", f->folder.path, m);
        write_model(f->path[m], (uint64_t)m + 1);
    }
    return f;
}

static void fixture_free(Fixture *f)
{
    for (int m = 0; m < MODELS; m++)
        free(f->path[m]);
    free(f->kernels);
    scratch_free(&f->folder);
    free(f->images);
    free(f);
}

static Predictor *start(const Fixture *f, int64_t bytes, double idle_seconds)
{
    Error err = {0};
    Predictor *p;
    const PredictorConfig config = {.threads = 2,
                                    .bytes = bytes,
                                    .idle_seconds = idle_seconds,
                                    .waiting = 1000,
                                    .kernels = f->kernels};
    CHECK_OK(predictor_start(&config, &p, &err), err);
    return p;
}

/* All images of a model, each in a request of its own: what is wanted from then on. */
static void run_one_by_one(Fixture *f, Predictor *p, const TakenModel *taken, int m)
{
    Error err = {0};
    for (int i = 0; i < IMAGES; i++)
        CHECK_OK(predictor_run(p, taken, f->images + (size_t)i * IMAGE, 1, 60, f->want[m][i], &err),
                 err);
}

typedef struct {
    Fixture *f;
    Predictor *p;
    unsigned seed;
    atomic_int wrong;
} Client;

/* Asks for runs of images of either model, as they come. */
static void *ask(void *context)
{
    Client *c = context;
    for (unsigned round = 0; round < 30; round++) {
        const unsigned draw = c->seed * 7919U + round * 104729U;
        const int m = (int)(draw % MODELS), count = (int)(draw / 3 % 5 + 1);
        const int first = (int)(draw / 7 % (unsigned)(IMAGES - count));
        const PredictorFile file = {m ? "one" : "zero", c->f->path[m], {0}};
        Error err = {0};
        TakenModel taken;
        float logits[5][CLASSES];
        if (!predictor_take(c->p, &file, &taken, &err)
            || !predictor_run(c->p, &taken, c->f->images + (size_t)first * IMAGE, count, 60,
                              logits[0], &err)
            || memcmp(logits, c->f->want[m][first], (size_t)count * sizeof logits[0]) != 0)
            c->wrong++;
        predictor_release(c->p, &taken);
    }
    return NULL;
}

static void answers_are_those_of_each_image_alone(void **state)
{
    (void)state;
    enum { CLIENTS = 12 };
    Fixture *f = fixture_new();
    pthread_t threads[CLIENTS];
    Client clients[CLIENTS];
    for (int lean = 0; lean < 2; lean++) {  // without room for both they come and go
        Predictor *p = start(f, lean ? 0 : INT64_MAX, 100);
        Error err = {0};
        // Kernels are measured once, by the predictor; the naive run uses the same.
        for (int m = 0; m < MODELS; m++) {
            const PredictorFile file = {m ? "one" : "zero", f->path[m], {0}};
            TakenModel taken;
            CHECK_OK(predictor_take(p, &file, &taken, &err), err);
            run_one_by_one(f, p, &taken, m);
            predictor_release(p, &taken);
        }
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = (Client){.f = f, .p = p, .seed = (unsigned)i};
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &clients[i]), 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(clients[i].wrong, 0);
        }
        const PredictorCounts counts = predictor_counts(p);
        assert_int_equal(counts.waiting, 0);
        assert_true(counts.images > counts.batches);  // some were computed together
        assert_true(counts.requests == MODELS * IMAGES + CLIENTS * 30);
        assert_true(counts.seconds > 0);
        assert_int_equal(counts.refused, 0);
        assert_int_equal(counts.loaded, lean ? 0 : MODELS);
        assert_true(lean ? counts.bytes == 0 : counts.bytes > 0);
        assert_true(predictor_stop(p, 60));
    }
    fixture_free(f);
}

/* The same network without the predictor, and without what was measured. */
static void answers_are_those_of_the_file(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    compute_alone(f, 0);
    Predictor *p = start(f, INT64_MAX, 100);
    const PredictorFile file = {"zero", f->path[0], {0}};
    Error err = {0};
    TakenModel taken;
    float logits[IMAGES][CLASSES];
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    CHECK_OK(predictor_run(p, &taken, f->images, IMAGES, 60, logits[0], &err), err);
    for (int i = 0; i < IMAGES; i++)
        for (int k = 0; k < CLASSES; k++)
            CHECK_NEAR((double)logits[i][k], (double)f->want[0][i][k], 1e-4);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

static void a_model_that_is_taken_outlives_its_file_and_its_successor(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    Predictor *p = start(f, 0, 100);
    Error err = {0};
    TakenModel old, new;
    float before[CLASSES], after[CLASSES], other[CLASSES];
    const PredictorFile first = {"first", f->path[0], {0}}, second = {"second", f->path[0], {0}};
    CHECK_OK(predictor_take(p, &first, &old, &err), err);
    CHECK_OK(predictor_run(p, &old, f->images, 1, 60, before, &err), err);
    unlink(f->path[0]);
    write_model(f->path[0], 77);
    CHECK_OK(predictor_take(p, &second, &new, &err), err);
    CHECK_OK(predictor_run(p, &new, f->images, 1, 60, other, &err), err);
    CHECK_OK(predictor_run(p, &old, f->images, 1, 60, after, &err), err);
    assert_memory_equal(before, after, sizeof before);
    assert_memory_not_equal(before, other, sizeof before);
    assert_int_equal(predictor_counts(p).loaded, 2);
    predictor_release(p, &old);
    assert_int_equal(predictor_counts(p).loaded, 1);
    predictor_release(p, &new);
    assert_int_equal(predictor_counts(p).loaded, 0);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

static void what_cannot_be_read_is_said_each_time(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    Predictor *p = start(f, INT64_MAX, 100);
    Error err = {0};
    TakenModel taken;
    char *path = xasprintf("%s/none", f->folder.path);
    const PredictorFile file = {"none", path, {0}};
    for (int i = 0; i < 2; i++) {
        assert_false(predictor_take(p, &file, &taken, &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
        predictor_release(p, &taken);
    }
    assert_int_equal(predictor_counts(p).loaded, 0);
    free(path);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

typedef struct {
    Fixture *f;
    Predictor *p;
    TakenModel taken;
    atomic_int *refused, *done;
    atomic_int wrong;
} Crowd;

/* Until somebody was refused. */
static void *crowd(void *context)
{
    Crowd *c = context;
    while (*c->refused == 0) {
        Error err = {0};
        float logits[5][CLASSES];
        if (predictor_run(c->p, &c->taken, c->f->images, 5, 60, logits[0], &err)) {
            c->wrong += memcmp(logits, c->f->want[0], sizeof logits) != 0;
            (*c->done)++;
        } else {
            c->wrong += err.code != ERR_CONFLICT || strcmp(err.reason, "busy") != 0;
            (*c->refused)++;
        }
    }
    return NULL;
}

static void more_than_may_wait_is_refused_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 8 };
    Fixture *f = fixture_new();
    const PredictorConfig config = {
        .threads = 2, .bytes = INT64_MAX, .idle_seconds = 100, .waiting = 6, .kernels = f->kernels};
    const PredictorFile file = {"zero", f->path[0], {0}};
    Error err = {0};
    Predictor *p;
    TakenModel taken;
    pthread_t threads[CLIENTS];
    Crowd clients[CLIENTS];
    atomic_int refused = 0, done = 0;
    CHECK_OK(predictor_start(&config, &p, &err), err);
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    for (int i = 0; i < 5; i++)
        CHECK_OK(
            predictor_run(p, &taken, f->images + (size_t)i * IMAGE, 1, 60, f->want[0][i], &err),
            err);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (Crowd){.f = f, .p = p, .taken = taken, .refused = &refused, .done = &done};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].wrong, 0);
    }
    const PredictorCounts counts = predictor_counts(p);
    assert_int_equal(counts.refused, refused);
    assert_int_equal(counts.requests, done + 5);
    assert_int_equal(counts.images, 5 * done + 5);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

/* A request whose time has passed before its turn comes is not computed. */
static void who_waits_too_long_is_refused(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    Predictor *p = start(f, INT64_MAX, 100);
    const PredictorFile file = {"zero", f->path[0], {0}};
    Error err = {0};
    TakenModel taken;
    float logits[CLASSES];
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    // Now and then the other thread is faster.
    while (predictor_run(p, &taken, f->images, 1, 0, logits, &err))
        continue;
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.reason, "busy");
    assert_int_equal(predictor_counts(p).refused, 1);
    assert_int_equal(predictor_counts(p).waiting, 0);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

/* What is asked for first is the reading of a file, then the net of it, then another thread's. */
static atomic_int asked, refuse_at;
static atomic_size_t last_bytes;

static bool fits_until(size_t bytes, Error *err)
{
    last_bytes = bytes;
    return ++asked < refuse_at
           || fail_as(err, ERR_NO_MEMORY, "too_large_for_memory", "no room for %zu bytes", bytes);
}

static void a_model_that_does_not_fit_is_refused_before_it_is_made(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    const PredictorConfig config = {.threads = 1,
                                    .bytes = INT64_MAX,
                                    .idle_seconds = 100,
                                    .waiting = 10,
                                    .fits = fits_until,
                                    .kernels = f->kernels};
    const PredictorFile file = {"zero", f->path[0], {0}};
    Error err = {0};
    Predictor *p;
    TakenModel taken;
    float logits[CLASSES];
    struct stat info;
    assert_int_equal(stat(f->path[0], &info), 0);
    CHECK_OK(predictor_start(&config, &p, &err), err);

    asked = 0;
    refuse_at = 1;
    assert_false(predictor_take(p, &file, &taken, &err));
    assert_int_equal(err.code, ERR_NO_MEMORY);
    assert_int_equal(last_bytes, 2 * info.st_size);
    assert_int_equal(predictor_counts(p).loaded, 0);

    asked = 0;
    refuse_at = 2;
    err = (Error){0};
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    assert_false(predictor_run(p, &taken, f->images, 1, 60, logits, &err));
    assert_int_equal(err.code, ERR_NO_MEMORY);
    assert_string_equal(err.reason, "too_large_for_memory");
    // At least the images of a batch, and the first layer's values.
    assert_true(last_bytes > (size_t)LOADED_MODEL_BATCH * IMAGE * sizeof(float));
    assert_int_equal(predictor_counts(p).images, 0);

    // Asked again each time: there may be room later; and once it is made, never more.
    refuse_at = 1000;
    err = (Error){0};
    for (int i = 0; i < 3; i++)
        CHECK_OK(predictor_run(p, &taken, f->images, 1, 60, logits, &err), err);
    assert_int_equal(asked, 3);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

/* All images, in one request. */
static void run_all(const Fixture *f, Predictor *p, const TakenModel *taken)
{
    static float logits[IMAGES][CLASSES];
    Error err = {0};
    CHECK_OK(predictor_run(p, taken, f->images, IMAGES, 60, logits[0], &err), err);
    assert_memory_equal(logits, f->want[0], sizeof logits);
}

/* Who comes alone is served by the same thread each time: no other one makes a net. A request of
 * many images makes others help, which gives the same bits. */
static void other_threads_help_when_there_is_more_to_do(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    const PredictorFile file = {"zero", f->path[0], {0}};
    int64_t alone[2];
    for (int i = 0; i < 2; i++) {
        const PredictorConfig config = {.threads = i == 0 ? 1 : 3,
                                        .bytes = INT64_MAX,
                                        .idle_seconds = 100,
                                        .waiting = IMAGES,
                                        .kernels = f->kernels};
        Error err = {0};
        Predictor *p;
        TakenModel taken;
        CHECK_OK(predictor_start(&config, &p, &err), err);
        CHECK_OK(predictor_take(p, &file, &taken, &err), err);
        run_one_by_one(f, p, &taken, 0);
        alone[i] = predictor_counts(p).bytes;
        assert_int_equal(alone[i], alone[0]);
        run_all(f, p, &taken);
        // Now and then one thread does it all, because the others wake up too late.
        while (i > 0 && predictor_counts(p).bytes < 2 * alone[0] * 3 / 4)
            run_all(f, p, &taken);
        predictor_release(p, &taken);
        assert_true(predictor_stop(p, 60));
    }
    fixture_free(f);
}

static void without_memory_for_another_net_one_thread_does_it_all(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    const PredictorConfig config = {.threads = 2,
                                    .bytes = INT64_MAX,
                                    .idle_seconds = 100,
                                    .waiting = IMAGES,
                                    .fits = fits_until,
                                    .kernels = f->kernels};
    const PredictorFile file = {"zero", f->path[0], {0}};
    Error err = {0};
    Predictor *p;
    TakenModel taken;
    asked = 0;
    refuse_at = 3;
    CHECK_OK(predictor_start(&config, &p, &err), err);
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    run_one_by_one(f, p, &taken, 0);
    while (asked < 3)
        run_all(f, p, &taken);
    for (int i = 0; i < 3; i++)
        run_all(f, p, &taken);
    assert_int_equal(asked, 3);  // it is asked for once
    assert_int_equal(predictor_counts(p).refused, 0);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

/* Two nets of the model would be more than models may take, and then it would be read anew for each
 * request. */
static void a_model_that_others_help_with_stays_loaded(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    const PredictorFile file = {"zero", f->path[0], {0}};
    int64_t bytes = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        Predictor *p = start(f, bytes, 100);
        Error err = {0};
        TakenModel taken;
        CHECK_OK(predictor_take(p, &file, &taken, &err), err);
        run_one_by_one(f, p, &taken, 0);
        bytes = predictor_counts(p).bytes * 3 / 2;
        for (int k = 0; k < 8; k++)
            run_all(f, p, &taken);
        predictor_release(p, &taken);
        assert_int_equal(predictor_counts(p).loaded, 1);
        assert_true(i == 0 || predictor_counts(p).bytes <= bytes);
        assert_true(predictor_stop(p, 60));
    }
    fixture_free(f);
}

static void a_predictor_that_leaves_refuses(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    Predictor *p = start(f, INT64_MAX, 100);
    Error err = {0};
    TakenModel taken;
    float logits[CLASSES];
    const PredictorFile file = {"zero", f->path[0], {0}};
    CHECK_OK(predictor_take(p, &file, &taken, &err), err);
    predictor_leave(p);
    assert_false(predictor_run(p, &taken, f->images, 1, 60, logits, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    predictor_release(p, &taken);
    assert_true(predictor_stop(p, 60));
    fixture_free(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_each_image_alone),
        cmocka_unit_test(answers_are_those_of_the_file),
        cmocka_unit_test(a_model_that_is_taken_outlives_its_file_and_its_successor),
        cmocka_unit_test(what_cannot_be_read_is_said_each_time),
        cmocka_unit_test(more_than_may_wait_is_refused_at_once),
        cmocka_unit_test(who_waits_too_long_is_refused),
        cmocka_unit_test(a_model_that_does_not_fit_is_refused_before_it_is_made),
        cmocka_unit_test(other_threads_help_when_there_is_more_to_do),
        cmocka_unit_test(without_memory_for_another_net_one_thread_does_it_all),
        cmocka_unit_test(a_model_that_others_help_with_stays_loaded),
        cmocka_unit_test(a_predictor_that_leaves_refuses),
    };
    return RUN_TESTS(tests);
}
