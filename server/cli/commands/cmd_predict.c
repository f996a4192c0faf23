/* googlenetd predict -- what a trained network sees in pictures: here and now by a file, or by the
 * daemon that has the model. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/base/threads/team.h"
#include "core/data/decode/prepare.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/input.h"
#include "server/cli/model_argument.h"
#include "server/cli/output.h"
#include "server/cli/remote/predict_remote.h"
#include "server/cli/run/autotune_cache.h"
#include "server/models/predictor/model_runner.h"
#include "server/models/predictor/ranking.h"
#include "server/work/estimate.h"
#include "server/work/machine/cpus.h"

enum { MAX_FILE = 1 << 30 };

/* ---- Options ---- */

typedef struct {
    ModelHints hints;
    RemoteAddress remote;
    Precision precision;
    int top_k, threads;
    bool json;
} PredictArgs;

#define AT(field) .offset = offsetof(PredictArgs, field)
static const Option OPTIONS[] = {
    {"top-k", "K", "how many classes to name for each picture; else 5", OPTION_INT, AT(top_k),
     .min = 1, .max = 1000},
    REMOTE_OPTIONS(PredictArgs),
    {"precision", "WORD", "auto, f32 or bf16; else that of the training", OPTION_PRECISION,
     AT(precision)},
    {"threads", "N", "else, and at most, all that this process may use", OPTION_INT, AT(threads),
     .min = 0, .max = 1024},
    MODEL_HINT_OPTIONS,
    {"json", NULL, "print JSON, a line for each picture", OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage = "predict MODEL IMAGE... [--top-k K] [--json] [--server URL] ...",
    .about =
        "Say what is in pictures (JPEG, PNG, WebP), the likeliest classes first. An IMAGE is a\n"
        "file, or - for one on standard input. MODEL is a model.safetensors, a checkpoint, or a\n"
        "folder that `googlenetd train` has filled; with --server the name of a model there:\n"
        "NAME, NAME@VERSION or NAME@ALIAS.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 2,
    .max_words = 10000,
};

/* ---- One picture ---- */

typedef struct {
    const PredictArgs *args;
    LoadedModel *model;  // NULL where a daemon is asked
    ModelRunner *runner;
    Remote *remote;  // else NULL
    uint8_t *pixels;
    float *image, *logits;
    RankedClass *ranking;
} PredictSession;

static bool see(const PredictSession *r, const char *path, cJSON **prediction, Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(r->model);
    char *bytes = NULL;
    size_t size = 0;
    int count = 0;
    bool ok = input_text(path, MAX_FILE, &bytes, &size, err);
    if (ok
        && !prepare_picture((const uint8_t *)bytes, size, &facts->picture, NULL, r->pixels, NULL,
                            err))
        ok = fail_in(err, "%s", input_label(path));
    free(bytes);
    if (!ok)
        return false;
    loaded_model_image(r->model, r->pixels, r->image);
    const int output = output_divert(r->args->json);
    ok = model_runner_run(r->runner, r->image, 1, r->logits, err);
    output_restore(output);
    if (!ok
        || !ranking_of(r->logits, facts->info->classes, r->args->top_k, r->ranking, &count, err))
        return false;
    *prediction = ranking_to_json(facts->info, r->ranking, count);
    return true;
}

/* ---- All of them ---- */

static bool open_model(PredictSession *r, const char *argument, Error *err)
{
    char *path = model_argument_path(argument), *cache = autotune_cache_path(NULL);
    const ModelRunnerConfig how = {.kernels = cache, .fits = model_fits};
    team_start(cpus_granted(r->args->threads));
    const int output = output_divert(r->args->json);
    const bool ok =
        loaded_model_open(path, &r->args->hints, r->args->precision, NULL, &r->model, err)
        && model_runner_new(r->model, &how, &r->runner, err);
    output_restore(output);
    free(path);
    free(cache);
    if (!ok)
        return false;
    const LoadedModelFacts *facts = loaded_model_facts(r->model);
    const size_t side = (size_t)facts->picture.size, classes = (size_t)facts->info->classes;
    r->pixels = xcalloc(side * side, (size_t)facts->picture.channels);
    r->image = xcalloc(facts->image_count, sizeof *r->image);
    r->logits = xcalloc(classes, sizeof *r->logits);
    r->ranking = xcalloc(classes, sizeof *r->ranking);
    return true;
}

static void run_free(PredictSession *r)
{
    free(r->pixels);
    free(r->image);
    free(r->logits);
    free(r->ranking);
    model_runner_free(r->runner);
    loaded_model_free(r->model);
    remote_close(r->remote);
}

/* A line of what a stranger may have written goes through an Error, which makes it printable. */
static void print_line(const char *path, cJSON *prediction, bool json)
{
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(prediction, "classes"), *item;
    if (json) {
        json_keep_numbers(prediction);
        cJSON *line = cJSON_CreateObject();
        json_add_path(line, "image", path);
        cJSON_AddItemReferenceToObject(line, "classes", (cJSON *)(size_t)classes);
        char *text = cJSON_PrintUnformatted(line);
        printf("%s\n", text);
        cJSON_free(text);
        cJSON_Delete(line);
        return;
    }
    char *shown = xstrdup(path);
    text_clean(shown);
    printf("%s:", shown);
    free(shown);
    cJSON_ArrayForEach(item, classes)
    {
        Error name = {0};
        const cJSON *p = cJSON_GetObjectItemCaseSensitive(item, "probability");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(item, "name");
        double probability = 0;
        json_number_value(p, &probability);
        fail(&name, ERR_INVALID, "%s", cJSON_IsString(text) ? text->valuestring : "?");
        printf("%s %s %.1f%%", item->prev->next ? "," : "", name.message, 100 * probability);
    }
    printf("\n");
}

/* A picture that cannot be read does not stand in the way of the others. */
static int predict_all(PredictSession *r, const char *const *words, int count)
{
    const PredictArgs *a = r->args;
    int failed = 0;
    for (int i = 1; i < count; i++) {
        Error err = {0};
        cJSON *prediction = NULL;
        if (r->remote ? predict_remote(r->remote, words[0], a->top_k, words[i], &prediction, &err)
                      : see(r, words[i], &prediction, &err)) {
            print_line(words[i], prediction, a->json);
        } else {
            output_error("%s", err.message);
            failed++;
        }
        cJSON_Delete(prediction);
    }
    return failed ? EXIT_FAILED : EXIT_OK;
}

int cmd_predict(int argc, char **argv)
{
    PredictArgs a = {.top_k = 5};
    int first_word, exit_code;
    Error err = {0};
    if (!args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code))
        return exit_code;
    if (!args_precision_fits(a.precision))
        return EXIT_USAGE;
    PredictSession r = {.args = &a};
    if (a.remote.server
        && !model_argument_remote(&a.hints, a.threads || a.precision != PRECISION_AUTO, &err)) {
        output_error("%s", err.message);
        return EXIT_USAGE;
    }
    if (a.remote.server ? remote_open(&a.remote, &r.remote, &err)
                        : open_model(&r, argv[first_word], &err)) {
        exit_code = predict_all(&r, (const char *const *)argv + first_word, argc - first_word);
    } else {
        output_error("%s", err.message);
        exit_code = EXIT_FAILED;
    }
    run_free(&r);
    return exit_code;
}
