/* googlenetd export -- a trained network in a format that other programs run. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/model_argument.h"
#include "server/cli/output.h"
#include "server/cli/remote/export_remote.h"
#include "server/models/model_onnx.h"

/* ---- Options ---- */

typedef struct {
    ModelHints hints;
    RemoteAddress remote;
    const char *onnx;
    bool fold, keep;
    bool without_preprocessing;
    bool probabilities, json;
} ExportArgs;

static bool take_preprocessing(void *settings, const char *name, const char *text, Error *err)
{
    ExportArgs *a = settings;
    a->without_preprocessing = strcmp(text, "out") == 0;
    return a->without_preprocessing || strcmp(text, "in") == 0
           || fail(err, ERR_INVALID, "--%s must be in or out, got \"%.40s\"", name, text);
}

#define AT(field) .offset = offsetof(ExportArgs, field)
static const Option OPTIONS[] = {
    {"onnx", "FILE", "the file to write", OPTION_TEXT, AT(onnx)},
    {"fold-batch-norm", NULL, "put batch norms into the convolutions before them (the default)",
     OPTION_FLAG, AT(fold)},
    {"no-fold-batch-norm", NULL, "leave batch norms as layers of their own", OPTION_FLAG, AT(keep)},
    {"preprocessing", "in|out",
     "in (the default): the graph takes pixels, 0 to 255; out: it takes them scaled and normalised",
     OPTION_CALL, .take = take_preprocessing},
    {"probabilities", NULL, "give the softmax of the logits", OPTION_FLAG, AT(probabilities)},
    REMOTE_OPTIONS(ExportArgs),
    MODEL_HINT_OPTIONS,
    {"json", NULL, "print JSON", OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage =
        "export MODEL --onnx FILE [--no-fold-batch-norm] [--preprocessing in|out] [--json] ...",
    .about =
        "Write a trained network as ONNX (opset 13, IR version 7). MODEL is a model.safetensors,\n"
        "a checkpoint, or a folder that `googlenetd train` has filled; with --server the name of\n"
        "a model there: NAME, NAME@VERSION or NAME@ALIAS. The graph's input is float32, batch x\n"
        "channels x height x width, for batches of any size; its metadata say the network, the\n"
        "classes' names, what becomes of a picture file, and what goes in.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 1,
    .max_words = 1,
};

/* ---- Result ---- */

static void print_json(const ExportArgs *a, const ModelFile *m, size_t bytes)
{
    cJSON *json = cJSON_CreateObject();
    json_add_path(json, "file", a->onnx);
    cJSON_AddStringToObject(json, "format", "onnx");
    cJSON_AddStringToObject(json, "network", m->info.network);
    cJSON_AddNumberToObject(json, "classes", m->info.classes);
    cJSON_AddNumberToObject(json, "channels", m->info.channels);
    cJSON_AddNumberToObject(json, "image_size", m->info.image_size);
    cJSON_AddBoolToObject(json, "image_size_assumed", m->assumed_size);
    cJSON_AddStringToObject(json, "batch_norm", a->keep ? "kept" : "folded");
    cJSON_AddStringToObject(json, "preprocessing", a->without_preprocessing ? "out" : "in");
    cJSON_AddStringToObject(json, "input", a->without_preprocessing ? "image" : "pixels");
    cJSON_AddStringToObject(json, "output", a->probabilities ? "probabilities" : "logits");
    cJSON_AddNumberToObject(json, "bytes", (double)bytes);
    output_json(json);
    cJSON_Delete(json);
}

static void print_text(const ExportArgs *a, const ModelFile *m, size_t bytes)
{
    const ModelInfo *info = &m->info;
    printf("%s: %s, %d classes, %.1f MB\n", a->onnx, info->network, info->classes,
           (double)bytes / 1e6);
    printf("input %s: float32, batch x %d x %d x %d, %s\n",
           a->without_preprocessing ? "image" : "pixels", info->channels, info->image_size,
           info->image_size, a->without_preprocessing ? "scaled and normalised" : "0 to 255");
    if (m->assumed_size)
        printf("note: the weights do not say the side of the images: %d is the network's default\n",
               info->image_size);
}

/* ---- The command ---- */

static bool write_onnx(const ExportArgs *a, const ModelFile *m, size_t *bytes, Error *err)
{
    const ModelOnnx how = {.keep_batch_norm = a->keep,
                           .without_preprocessing = a->without_preprocessing,
                           .probabilities = a->probabilities};
    return model_onnx_write(a->onnx, m, &how, bytes, err);
}

/* What the daemon says of the version, and what was asked for. */
static void print_remote(const ExportArgs *a, cJSON *version, size_t bytes)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(version, "model");
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(version, "version");
    if (!a->json) {
        printf("%s: version %.0f of %s, %.1f MB\n", a->onnx, number->valuedouble, name->valuestring,
               (double)bytes / 1e6);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    json_add_path(json, "file", a->onnx);
    cJSON_AddStringToObject(json, "format", "onnx");
    cJSON_AddStringToObject(json, "batch_norm", a->keep ? "kept" : "folded");
    cJSON_AddStringToObject(json, "preprocessing", a->without_preprocessing ? "out" : "in");
    cJSON_AddStringToObject(json, "input", a->without_preprocessing ? "image" : "pixels");
    cJSON_AddStringToObject(json, "output", a->probabilities ? "probabilities" : "logits");
    cJSON_AddNumberToObject(json, "bytes", (double)bytes);
    cJSON_AddItemReferenceToObject(json, "version", version);
    json_keep_numbers(version);
    output_json(json);
    cJSON_Delete(json);
}

static bool export_from_daemon(const ExportArgs *a, const char *model, Error *err)
{
    Remote *remote = NULL;
    cJSON *version = NULL;
    size_t bytes = 0;
    const ExportRequest request = {.model = model,
                                   .file = a->onnx,
                                   .keep_batch_norm = a->keep,
                                   .without_preprocessing = a->without_preprocessing,
                                   .probabilities = a->probabilities};
    const bool ok = output_file_possible(a->onnx, err) && remote_open(&a->remote, &remote, err)
                    && export_remote(remote, &request, &version, &bytes, err);
    if (ok)
        print_remote(a, version, bytes);
    cJSON_Delete(version);
    remote_close(remote);
    return ok;
}

static bool export_model(const ExportArgs *a, const char *argument, Error *err)
{
    ModelFile m = {0};
    char *path = NULL;
    size_t bytes = 0;
    const bool ok = model_argument_open(argument, &a->hints, &path, &m, err)
                    && model_argument_spared(path, "--onnx", a->onnx, err)
                    && write_onnx(a, &m, &bytes, err);
    if (ok)
        (a->json ? print_json : print_text)(a, &m, bytes);
    model_file_close(&m);
    free(path);
    return ok;
}

int cmd_export(int argc, char **argv)
{
    ExportArgs a = {0};
    int first_word, exit_code;
    Error err = {0};
    if (!args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code))
        return exit_code;
    if (!a.onnx)
        fail(&err, ERR_INVALID, "--onnx FILE is missing: where to write to");
    else if (a.fold && a.keep)
        fail(&err, ERR_INVALID, "--fold-batch-norm and --no-fold-batch-norm contradict each other");
    else if (a.remote.server)
        model_argument_remote(&a.hints, false, &err);
    if (err.code != ERR_NONE || !output_file_named("onnx", a.onnx, &err)) {
        output_error("%s", err.message);
        return EXIT_USAGE;
    }
    if ((a.remote.server ? export_from_daemon : export_model)(&a, argv[first_word], &err))
        return EXIT_OK;
    output_error("%s", err.message);
    return EXIT_FAILED;
}
