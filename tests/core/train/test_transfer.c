/* tests/core/train/test_transfer.c -- trainings that start from a trained model: what is taken,
 * what is refused, what freezing leaves alone, and that they resume to the same bits. */
#include <stdio.h>
#include <unistd.h>

#include "core/layers/batch_norm.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/relu.h"
#include "core/train/init.h"
#include "tests/check.h"
#include "tests/core/train/files/read_model.h"
#include "tests/core/train/trainer/trainer_fixture.h"

static Node normed(Graph *g, Node x, ModelOptions options)
{
    x = conv(g, x, "a", (Conv){.out = 16, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true});
    x = relu(g, batch_norm(g, x, "an", (BatchNorm){.eps = 1e-3}), "ar");
    x = conv(g, x, "b", (Conv){.out = 24, .kernel = 3, .stride = 2, .pad = 1});
    x = relu(g, batch_norm(g, x, "bn", (BatchNorm){.eps = 1e-3}), "br");
    x = global_avg_pool(g, x, "end");
    return linear(g, x, "out", (Linear){.out = options.classes});
}

static const char *const STAGES[] = {"ar", "br", "out", NULL};
static const Model NORMED = {.name = "normed", .build = normed, .image_size = 28, .stages = STAGES};

enum { HEAD_FIRST = 13, PARAM_COUNT = 15, FEW = 120 };  // parameters; examples

typedef struct {
    TrainerFixture *trainer;
    char model[96];  // of ten classes
    Dataset few;     // pictures of five of them
    uint8_t *pixels;
    uint16_t labels[FEW];
} Fixture;

static const char *const FIVE[] = {"a", "b", "c", "d", "e"};

static void make_few(Fixture *f)
{
    enum { PIXELS = 28 * 28 };
    const Split *all = &f->trainer->dataset->train;
    f->pixels = xcalloc(FEW, PIXELS);
    int count = 0;
    for (int i = 0; count < FEW; i++) {
        if (all->labels[i] < 5)
            continue;
        memcpy(f->pixels + PIXELS * count, all->pixels + PIXELS * i, PIXELS);
        f->labels[count++] = all->labels[i] - 5;
    }
    const Split few = {.count = FEW, .pixels = f->pixels, .labels = f->labels};
    f->few = (Dataset){.name = "few",
                       .image = {1, 28, 28},
                       .classes = 5,
                       .class_names = FIVE,
                       .train = few,
                       .test = few};
}

static TrainConfig base_training(const Fixture *f)
{
    TrainConfig c = small_training(f->trainer);
    c.model = &NORMED;
    return c;
}

static TrainConfig fine_tuning(const Fixture *f)
{
    TrainConfig c = base_training(f);
    c.dataset = &f->few;
    c.train_limit = 0;
    c.init_from = f->model;
    c.seed = 12;
    return c;
}

static int setup(void **state)
{
    Error err = {0};
    Fixture *f = xcalloc(1, sizeof *f);
    void *trainer = NULL;
    trainer_setup(&trainer);
    f->trainer = trainer;
    snprintf(f->model, sizeof f->model, "%s/model.safetensors", f->trainer->folder);
    make_few(f);
    Seen seen = {0};
    Trainer *t = trainer_of(base_training(f));
    CHECK_OK(trainer_run(t, watch, &seen, &err), err);
    const ModelInfo info = trainer_model_info(t);
    CHECK_OK(model_save(f->model, trainer_params(t), &info, &err), err);
    trainer_free(t);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    void *trainer = f->trainer;
    trainer_teardown(&trainer);
    free(f->pixels);
    free(f);
    return 0;
}

/* The model's own parameters. */
static ParamStore *model_params(const Fixture *f)
{
    Error err = {0};
    Graph *g = model_graph(&NORMED, (Shape){1, 28, 28}, 10, &err);
    ParamStore *p = NULL;
    CHECK_OK(params_new(g, &p, &err), err);
    CHECK_OK(read_model(f->model, p, NULL, &err), err);
    graph_free(g);
    return p;
}

/* Whether parameter i has the same numbers in both. */
static bool same(const ParamStore *a, const ParamStore *b, int i)
{
    const Param *p = &a->params[i], *q = &b->params[i];
    if (p->role == ROLE_COUNTER)
        return a->counters[p->offset] == b->counters[q->offset];
    return memcmp(a->values + p->offset, b->values + q->offset, p->count * sizeof(float)) == 0;
}

static void check_features(const ParamStore *params, const ParamStore *model, bool want_same)
{
    int equal = 0;
    for (int i = 0; i < HEAD_FIRST; i++)
        equal += same(params, model, i);
    assert_int_equal(equal, want_same ? HEAD_FIRST : 0);
}

static void features_are_taken_and_the_head_is_new(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = fine_tuning(f), from_nothing = c;
    from_nothing.init_from = NULL;
    Trainer *t = trainer_of(c), *fresh = trainer_of(from_nothing);
    ParamStore *model = model_params(f);
    const TransferReport *r = trainer_transfer(t);
    assert_null(trainer_transfer(fresh));
    assert_int_equal(r->count, PARAM_COUNT);
    assert_int_equal(r->taken, HEAD_FIRST);
    assert_int_equal(r->superfluous, 0);
    assert_false(r->head_taken);
    assert_string_equal(r->tensors[0].name, "a.weight");
    assert_null(r->tensors[0].why);
    assert_string_equal(r->tensors[HEAD_FIRST].name, "out.weight");
    assert_string_equal(r->tensors[HEAD_FIRST].why, "tensor out.weight is 10x24, not 5x24");
    check_features(trainer_params(t), model, true);
    assert_true(same(trainer_params(t), trainer_params(fresh), HEAD_FIRST));
    assert_true(same(trainer_params(t), trainer_params(fresh), HEAD_FIRST + 1));
    char text[512], cut[40];
    transfer_sentence(r, text, sizeof text);
    assert_string_equal(text, "13 of 15 tensors are taken; new: out.weight (tensor out.weight is "
                              "10x24, not 5x24), out.bias (tensor out.bias is 10, not 5)");
    transfer_sentence(r, cut, sizeof cut);
    assert_true(strlen(cut) < sizeof cut);
    params_free(model);
    trainer_free(fresh);
    trainer_free(t);
}

static void a_head_of_the_same_classes_is_taken(void **state)
{
    const Fixture *f = *state;
    static const char *const OTHERS[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    ParamStore *model = model_params(f);
    Dataset set = *f->trainer->dataset;
    for (int others = 0; others <= 1; others++) {
        TrainConfig c = fine_tuning(f);
        set.class_names = others ? OTHERS : set.class_names;
        c.dataset = &set;
        c.train_limit = 100;
        Trainer *t = trainer_of(c);
        const TransferReport *r = trainer_transfer(t);
        assert_int_equal(r->head_taken, !others);
        assert_int_equal(r->taken, others ? HEAD_FIRST : PARAM_COUNT);
        assert_int_equal(same(trainer_params(t), model, HEAD_FIRST), !others);
        assert_int_equal(same(trainer_params(t), model, HEAD_FIRST + 1), !others);
        if (others)
            assert_string_equal(r->tensors[HEAD_FIRST].why, "its classes are others");
        trainer_free(t);
    }
    params_free(model);
}

/* A letter with a mark is one character or two. */
static void a_head_is_taken_however_its_classes_are_written(void **state)
{
    const Fixture *f = *state;
    static const char *const WHOLE[] = {"\u00e9t\u00e9", "b", "c", "d", "e"},
                             *const APART[] = {"e\u0301te\u0301", "b", "c", "d", "e"},
                             *const OTHERS[] = {"ete\u0301", "b", "c", "d", "e"};
    Error err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/apart.safetensors", f->trainer->folder);
    for (int others = 0; others <= 1; others++) {
        Dataset set = f->few;
        set.class_names = WHOLE;
        TrainConfig c = fine_tuning(f);
        c.dataset = &set;
        Trainer *source = trainer_of(c);
        ModelInfo info = trainer_model_info(source);
        info.class_names = others ? OTHERS : APART;
        CHECK_OK(model_save(path, trainer_params(source), &info, &err), err);
        c.init_from = path;
        c.seed++;
        Trainer *t = trainer_of(c);
        assert_int_equal(trainer_transfer(t)->head_taken, !others);
        assert_int_equal(same(trainer_params(t), trainer_params(source), HEAD_FIRST), !others);
        trainer_free(t);
        trainer_free(source);
    }
}

/* Save `count` of the model's parameters, from `first` on, without a word of what they are. */
static void save_some(const Fixture *f, int first, int count, const char *path)
{
    Error err = {0};
    ParamStore *p = model_params(f);
    const ModelInfo nothing = {0};
    ParamStore some = *p;
    some.params += first;
    some.param_count = count;
    CHECK_OK(model_save(path, &some, &nothing, &err), err);
    params_free(p);
}

static void check_refused(TrainConfig c, const char *want)
{
    Error err = {0};
    Trainer *t = NULL;
    assert_false(trainer_new(&c, &t, &err));
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.message, want))
        fail_msg("\"%s\" is not in \"%s\"", want, err.message);
}

static void another_network_is_refused_with_all_that_does_not_fit(void **state)
{
    const Fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/some.safetensors", f->trainer->folder);
    TrainConfig c = fine_tuning(f);
    c.model = models_find("googlenet_tiny");
    check_refused(c, "model.safetensors is of the network normed, not googlenet_tiny");

    c = fine_tuning(f);
    c.init_from = path;
    // The second convolution has most of the numbers.
    save_some(f, 0, 6, path);
    check_refused(c, "some.safetensors is of another network: there is no tensor b.weight; there "
                     "is no tensor b.bias; there is no tensor bn.weight; there is no tensor "
                     "bn.bias; there is no tensor bn.running_mean; there is no tensor "
                     "bn.running_var");
    save_some(f, 6, 9, path);
    Trainer *t = trainer_of(c);
    assert_int_equal(trainer_transfer(t)->taken, 8);  // with a counter that starts at 0
    trainer_free(t);
    c.freeze = FREEZE_FEATURES;
    check_refused(c, "there is no tensor a.weight; there is no tensor an.weight; ");
}

static void a_number_that_is_none_is_refused(void **state)
{
    const Fixture *f = *state;
    char path[128];
    Error err = {0};
    snprintf(path, sizeof path, "%s/nan.safetensors", f->trainer->folder);
    ParamStore *p = model_params(f);
    p->values[params_find(p, "bn.running_var")->offset] = NAN;
    CHECK_OK(model_save(path, p, &(ModelInfo){0}, &err), err);
    params_free(p);
    TrainConfig c = fine_tuning(f);
    c.init_from = path;
    check_refused(c, "tensor bn.running_var that is NaN");
}

/* Everything that may touch a weight. */
static void use_all(TrainConfig *c)
{
    c->optimizer.weight_decay = 0.1;
    c->ema.decay = 0.8;
    c->clip_norm = 0.5;
    c->accumulation = 2;
}

static void frozen_features_stay_bit_for_bit(void **state)
{
    const Fixture *f = *state;
    ParamStore *model = model_params(f);
    // A third of a number, three times, is not that number.
    static const struct {
        OptimizerType type;
        int shards;
        bool sync;
    } WAYS[] = {{OPTIMIZER_SGD, 1, false}, {OPTIMIZER_ADAMW, 3, false}, {OPTIMIZER_SGD, 3, true}};
    for (size_t way = 0; way < COUNT(WAYS); way++) {
        TrainConfig c = fine_tuning(f);
        c.optimizer.type = WAYS[way].type;
        c.shards = WAYS[way].shards;
        c.sync = WAYS[way].sync;
        c.optimizer.beta1 = c.optimizer.beta2 = 0.9;
        c.optimizer.epsilon = 1e-8;
        c.freeze = FREEZE_FEATURES;
        use_all(&c);
        Error err = {0};
        Seen seen = {0};
        Trainer *t = trainer_of(c);
        const ParamStore *p = trainer_params(t);
        float head[5 * 24];
        memcpy(head, p->values + p->params[HEAD_FIRST].offset, sizeof head);
        CHECK_OK(trainer_run(t, watch, &seen, &err), err);
        assert_int_equal(seen.initialized, 1);
        check_features(p, model, true);
        for (int i = 0; i < 24 * 5; i++)
            assert_true(p->values[p->params[HEAD_FIRST].offset + (size_t)i] != head[i]);
        for (int i = 0; i < HEAD_FIRST; i++) {
            const Param *param = &p->params[i];
            for (size_t k = 0; role_is_trained(param->role) && k < param->count; k++) {
                const size_t at = param->offset + k;
                assert_true(p->slots[SLOT_AVERAGE][at] == p->values[at]);
                for (ParamSlot slot = 0; slot < SLOT_AVERAGE; slot++)
                    assert_true(!p->slots[slot] || p->slots[slot][at] == 0);
            }
        }
        trainer_free(t);
    }
    params_free(model);
}

static void without_freezing_all_moves(void **state)
{
    const Fixture *f = *state;
    ParamStore *model = model_params(f);
    Error err = {0};
    Seen seen = {0};
    Trainer *t = trainer_of(fine_tuning(f));
    CHECK_OK(trainer_run(t, watch, &seen, &err), err);
    check_features(trainer_params(t), model, false);
    trainer_free(t);
    params_free(model);
}

/* A step of plain descent moves by the rate times the gradient. */
static void the_head_moves_by_its_own_rate(void **state)
{
    const Fixture *f = *state;
    size_t count;
    TrainConfig c = fine_tuning(f);
    c.epochs = 1;
    c.train_limit = 16;
    c.optimizer.momentum = 0;
    Trainer *t = trainer_of(c);
    const ParamStore *p = trainer_params(t);
    Seen seen[3] = {0};
    float *one = values_after(c, &seen[0], &count);
    c.head_rate_factor = 4;
    float *four = values_after(c, &seen[1], &count);
    c.freeze = FREEZE_FEATURES;
    float *frozen = values_after(c, &seen[2], &count);
    for (int i = 0; i < PARAM_COUNT; i++) {
        const Param *param = &p->params[i];
        for (size_t k = 0; role_is_trained(param->role) && k < param->count; k++) {
            const size_t at = param->offset + k;
            const float start = p->values[at];
            const double want = (i < HEAD_FIRST ? 1 : 4) * ((double)one[at] - (double)start);
            CHECK_NEAR((double)four[at] - (double)start, want, 1e-6);
            assert_true(i >= HEAD_FIRST || frozen[at] == start);
        }
    }
    free(one);
    free(four);
    free(frozen);
    trainer_free(t);
}

/* Once it has a checkpoint, the file that it started from is not needed. */
static void a_resume_gives_the_same_bits(void **state)
{
    const Fixture *f = *state;
    for (int way = 0; way < 3; way++) {
        TrainConfig c = fine_tuning(f);
        c.freeze = way > 0 ? FREEZE_FEATURES : FREEZE_NONE;
        c.head_rate_factor = way < 2 ? 3 : 0;
        c.threads = way + 1;
        use_all(&c);
        c.checkpoint_path = f->trainer->checkpoint;
        size_t count, again;
        Seen whole = {0}, first = {.stop_at_step = 3}, second = {0};
        float *want = values_after(c, &whole, &count);
        run_until_stopped(c, &first);
        c.init_from = "/nowhere/model.safetensors";
        float *got = values_after(resumed(c, f->trainer), &second, &again);
        assert_int_equal(count, again);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_int_equal(first.initialized, 1);
        assert_int_equal(second.initialized, 0);
        free(got);
        free(want);
    }
}

static void heads_of_the_table_are_what_depends_on_the_classes(void **state)
{
    (void)state;
    size_t models;
    const Model *table = models_table(&models);
    const BlockList own = {0};
    for (size_t i = 0; i < models; i++) {
        Error err = {0};
        const Shape image = {1, table[i].image_size, table[i].image_size};
        Graph *g = model_graph(&table[i], image, 10, &err);
        ParamStore *p = NULL;
        CHECK_OK(params_new(g, &p, &err), err);
        const Head h = head_find(&table[i], g, &own, p);
        const bool nin = strcmp(table[i].name, "nin") == 0;
        assert_int_equal(p->param_count - h.first_param, nin ? 6 : 2);
        assert_int_equal(p->trained_count - h.others, nin ? 30 : 10);
        size_t weights = 0;
        for (int k = h.first_param; k < p->param_count; k++)
            weights += p->params[k].role == ROLE_WEIGHT ? p->params[k].count : 0;
        assert_int_equal(p->weight_count - h.weights, weights);
        assert_int_equal(h.statistics, p->count);  // no head normalises
        assert_string_equal(h.node, nin ? h.node : graph_node(g, graph_output(g))->name);
        assert_true(strncmp(p->params[h.first_param].name, h.node, strlen(h.node)) == 0);
        params_free(p);
        graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_taken_and_the_head_is_new),
        cmocka_unit_test(a_head_of_the_same_classes_is_taken),
        cmocka_unit_test(a_head_is_taken_however_its_classes_are_written),
        cmocka_unit_test(another_network_is_refused_with_all_that_does_not_fit),
        cmocka_unit_test(a_number_that_is_none_is_refused),
        cmocka_unit_test(frozen_features_stay_bit_for_bit),
        cmocka_unit_test(without_freezing_all_moves),
        cmocka_unit_test(the_head_moves_by_its_own_rate),
        cmocka_unit_test(a_resume_gives_the_same_bits),
        cmocka_unit_test(heads_of_the_table_are_what_depends_on_the_classes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
