#include "core/evaluate/evaluation.h"

#include "core/base/clock.h"

static bool check(const EvaluationConfig *c, Error *err)
{
    const Shape image = graph_shape(c->graph, graph_input(c->graph));
    const int classes = graph_shape(c->graph, graph_output(c->graph)).channels;
    if (c->dataset->image.channels != image.channels)
        return fail(err, ERR_INVALID,
                    "the network takes images of %d channel%s, the data set has %d", image.channels,
                    image.channels == 1 ? "" : "s", c->dataset->image.channels);
    if (c->dataset->classes > classes)
        return fail(err, ERR_INVALID, "the network tells %d classes apart, the data set has %d",
                    classes, c->dataset->classes);
    return true;
}

static bool run(const EvaluationConfig *c, Loader *loader, Flips *flips, Evaluation *e, Error *err)
{
    const NetConfig config = {.batch_size = c->batch_size,
                              .bf16 = c->bf16,
                              .autotune = c->autotune,
                              .go_on = c->go_on,
                              .go_on_context = c->context};
    const SplitRun how = {.dataset = c->dataset,
                          .go_on = c->go_on,
                          .progress = c->progress,
                          .context = c->context,
                          .predictions = &e->predictions,
                          .flips = flips};
    const int classes = graph_shape(c->graph, graph_output(c->graph)).channels;
    Net *net = NULL;
    if (!predictions_new(loader_examples(loader), classes, &e->predictions, err)
        || !net_new(c->graph, c->params, config, &net, err))
        return false;
    bool ok = net_prepare(net, 0, loader_examples(loader), err);
    const double start = clock_seconds();
    ok = ok && split_evaluate(net, loader, &how, &e->sum, err);
    e->seconds = clock_seconds() - start;
    net_free(net);
    return ok;
}

static bool make_flips(const EvaluationConfig *c, Flips **flips, Error *err)
{
    const Shape image = graph_shape(c->graph, graph_input(c->graph));
    const int classes = graph_shape(c->graph, graph_output(c->graph)).channels;
    return !c->test_time_flips || flips_new(image, classes, c->batch_size, flips, err);
}

bool evaluation_run(const EvaluationConfig *c, Evaluation *e, Error *err)
{
    const LoaderConfig config = {.batch_size = c->batch_size,
                                 .image_size = graph_shape(c->graph, 0).height,
                                 .normalization = c->normalization,
                                 .limit = c->limit,
                                 .examples = c->examples,
                                 .example_count = c->example_count};
    Loader *loader = NULL;
    Flips *flips = NULL;
    *e = (Evaluation){0};
    const bool ok = check(c, err) && loader_new(c->dataset, c->split, config, &loader, err)
                    && make_flips(c, &flips, err) && run(c, loader, flips, e, err);
    flips_free(flips);
    loader_free(loader);
    return ok;
}

void evaluation_free(Evaluation *e)
{
    predictions_free(&e->predictions);
    *e = (Evaluation){0};
}
