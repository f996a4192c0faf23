/* googlenetd bench -- where the time of a training step goes. */
#include <cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads/cpu.h"
#include "core/net/rewrites.h"
#include "core/train/bench.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/work/estimate.h"
#include "server/work/machine/cpus.h"

/* ---- Options ---- */

typedef struct {
    BenchConfig config;
    int image_size, channels;
    bool json;
} BenchArgs;

static bool take_without(void *settings, const char *name, const char *text, Error *err)
{
    const unsigned flag = rewrite_flag(text);
    if (flag == 0)
        return fail(err, ERR_INVALID, "--%s must be " REWRITE_NAMES ", got %s", name, text);
    ((BenchArgs *)settings)->config.without |= flag;
    return true;
}

#define AT(field) .offset = offsetof(BenchArgs, field)
static const Option OPTIONS[] = {
    {"image-size", "N", "side of the image in pixels; else the network's default", OPTION_INT,
     AT(image_size), .min = 1, .max = 1024},
    {"channels", "C", "channels of the image; else 1", OPTION_INT, AT(channels), .min = 1,
     .max = 1024},
    {"classes", "K", "classes to tell apart; else 10", OPTION_INT, AT(config.classes), .min = 1,
     .max = MODEL_MAX_CLASSES},
    {"batch-size", "N", "examples in a step; else 128", OPTION_INT, AT(config.batch_size), .min = 1,
     .max = 4096},
    {"micro-batch", "N", "examples worked on at a time; else as a training does", OPTION_INT,
     AT(config.micro_batch), .min = 0, .max = 4096},
    {"precision", "WORD", "auto, f32 or bf16; else auto", OPTION_PRECISION, AT(config.precision)},
    {"threads", "N", "else, and at most, all that this process may use", OPTION_INT,
     AT(config.threads), .min = 0, .max = 1024},
    {"steps", "N", "steps to time; else 10", OPTION_INT, AT(config.steps), .min = 1, .max = 10000},
    {"library-only", NULL, "compute everything with oneDNN's kernels", OPTION_FLAG,
     AT(config.library_only)},
    {"without", "REWRITE", "leave out " REWRITE_NAMES, OPTION_CALL, .take = take_without},
    {"json", NULL, "print JSON", OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage = "bench [NETWORK] [--batch-size N] [--threads N] [--steps N] [--json] ...",
    .about = "Time a training step, each layer and each other part of it, in milliseconds per\n"
             "batch and GFLOP/s; peak is the share of the speed of the fastest large matrix\n"
             "product measured in the same run, which Winograd kernels may exceed. NETWORK is\n"
             "googlenet unless given.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .max_words = 1,
};

/* ---- The sums of what was measured ---- */

typedef struct {
    const char *key;    // in the JSON
    const char *label;  // in the table
    double ms;
} Part;

enum { PARTS = 9 };

/* All that a step consists of. */
static void parts_of_step(const BenchResult *r, Part parts[PARTS])
{
    double forward = 0, data = 0, weights = 0, other = 0;
    for (int i = 0; i < r->layer_count; i++) {
        forward += r->layers[i].forward_ms;
        data += r->layers[i].backward_data_ms;
        weights += r->layers[i].backward_weights_ms;
        other += r->layers[i].other_ms;
    }
    const Part all[PARTS] = {
        {"forward", "layers forward", forward},
        {"backward_data", "layers backward data", data},
        {"backward_weights", "layers backward weights", weights},
        {"backward_other", "layers backward, the rest", other},
        {"input", "input into its layout", r->input_ms},
        {"load_params", "weights into their layouts", r->load_params_ms},
        {"flush_grads", "gradients into the store", r->flush_grads_ms},
        {"loss", "loss", r->loss_ms},
        {"update", "update", r->update_ms},
    };
    for (int i = 0; i < PARTS; i++)
        parts[i] = all[i];
}

/* What is neither a convolution nor a linear layer: the parts of the step that have no products
 * with weights, masks included. */
static double ms_without_products(const BenchResult *r)
{
    double ms = r->input_ms + r->load_params_ms + r->flush_grads_ms + r->loss_ms + r->update_ms;
    for (int i = 0; i < r->layer_count; i++) {
        const BenchLayer *l = &r->layers[i];
        ms += l->other_ms;
        if (l->gflop <= 0)
            ms += l->forward_ms + l->backward_data_ms + l->backward_weights_ms;
    }
    return ms;
}

/* GFLOP/s; 0 where nothing was computed or no time was spent. */
static double speed(double gflop, double ms)
{
    return ms > 0 ? gflop / ms * 1e3 : 0;
}

/* ---- Text ---- */

/* Columns as wide as the longest name in each. */
typedef struct {
    int layer, kernel;
} Widths;

static Widths widths(const BenchResult *r)
{
    Widths w = {output_wider(0, "name"), output_wider(0, "kernel")};
    for (int i = 0; i < r->layer_count; i++) {
        w.layer = output_wider(w.layer, r->layers[i].name);
        for (int k = 0; k < 3; k++)
            w.kernel = output_wider(w.kernel, r->layers[i].kernels[k]);
    }
    return w;
}

typedef struct {
    double ms, gflop, ceiling_gflops;
    const char *kernel;
    int width;  // of the kernel's column
} Direction;

/* Time, speed, its share of the ceiling, kernel. */
static void print_direction(Direction d)
{
    if (d.ms <= 0)
        printf("  %7s %5s %4s %-*s", "", "", "", d.width, "");
    else if (d.gflop <= 0)
        printf("  %7.2f %5s %4s %-*s", d.ms, "", "", d.width, "");
    else
        printf("  %7.2f %5.0f %3.0f%% %-*s", d.ms, speed(d.gflop, d.ms),
               100 * speed(d.gflop, d.ms) / d.ceiling_gflops, d.width, d.kernel);
}

static void print_heads(Widths w)
{
    static const char *const DIRECTIONS[] = {"forward", "backward data", "backward weights"};
    printf("%-*s %-15s %13s", w.layer, "", "", "");
    for (size_t i = 0; i < COUNT(DIRECTIONS); i++)
        printf("  %-*s", 19 + w.kernel, DIRECTIONS[i]);
    printf(" %6s\n%-*s %-15s %13s", "rest", w.layer, "name", "type", "output");
    for (size_t i = 0; i < COUNT(DIRECTIONS); i++)
        printf("  %7s %5s %4s %-*s", "ms", "GF/s", "peak", w.kernel, "kernel");
    printf(" %6s\n", "ms");
}

static void print_layers(const BenchResult *r)
{
    const Widths w = widths(r);
    print_heads(w);
    for (int i = 0; i < r->layer_count; i++) {
        const BenchLayer *l = &r->layers[i];
        const double ms[] = {l->forward_ms, l->backward_data_ms, l->backward_weights_ms};
        char shape[48];
        snprintf(shape, sizeof shape, "%d x %d x %d", l->dst.channels, l->dst.height, l->dst.width);
        printf("%-*s %-15s %13s", w.layer, l->name, l->type, shape);
        for (size_t k = 0; k < COUNT(ms); k++)
            print_direction(
                (Direction){ms[k], l->gflop, r->ceiling_gflops, l->kernels[k], w.kernel});
        printf(l->other_ms > 0 ? " %6.2f\n" : "\n", l->other_ms);
    }
}

static void print_text(const BenchArgs *a, const BenchResult *r)
{
    const BenchConfig *c = &a->config;
    char cpu[128];
    cpu_model(cpu, sizeof cpu);
    printf("%s, batches of %d (%d at a time), images of %d x %d x %d, %s\n%s, %d thread%s\n\n",
           c->model->title, c->batch_size, r->micro_batch, c->image.channels, c->image.height,
           c->image.width, PRECISION_NAMES[r->precision], cpu, r->threads,
           r->threads == 1 ? "" : "s");
    print_layers(r);
    Part parts[PARTS];
    parts_of_step(r, parts);
    double sum = 0;
    printf("\n%-28s %9s %6s\n", "part of a step", "ms", "share");
    for (int i = 0; i < PARTS; i++)
        sum += parts[i].ms;
    for (int i = 0; i < PARTS; i++)
        printf("%-28s %9.2f %5.1f%%\n", parts[i].label, parts[i].ms, 100 * parts[i].ms / sum);
    printf("%-28s %9.2f\n", "sum", sum);
    printf("%-28s %8.2f %5.1f%%\n\n", "all but products with weights", ms_without_products(r),
           100 * ms_without_products(r) / sum);
    const double training = speed(r->gflop, r->step_ms);
    printf("step        %9.2f ms (median; fastest %.2f), %.1f examples/s\n", r->step_ms,
           r->fastest_step_ms, c->batch_size / r->step_ms * 1e3);
    printf("first step  %9.2f ms, with making and measuring kernels\n", r->first_step_ms);
    printf("evaluation  %9.2f ms, %.1f examples/s\n", r->evaluate_ms,
           c->batch_size / r->evaluate_ms * 1e3);
    printf("arithmetic  %9.0f GFLOP/s, %.0f%% of the %.0f GFLOP/s of a large matrix product\n",
           training, 100 * training / r->ceiling_gflops, r->ceiling_gflops);
}

/* ---- JSON ---- */

static void add_direction(cJSON *layer, const char *name, double gflop, double ms,
                          const char *kernel)
{
    cJSON *direction = cJSON_AddObjectToObject(layer, name);
    cJSON_AddNumberToObject(direction, "ms", ms);
    cJSON_AddNumberToObject(direction, "gflops", speed(gflop, ms));
    if (kernel[0])
        cJSON_AddStringToObject(direction, "kernel", kernel);
}

static cJSON *layer_json(const BenchLayer *l)
{
    cJSON *layer = cJSON_CreateObject();
    cJSON_AddStringToObject(layer, "name", l->name);
    cJSON_AddStringToObject(layer, "type", l->type);
    cJSON_AddItemToObject(
        layer, "output_shape",
        cJSON_CreateIntArray((int[]){l->dst.channels, l->dst.height, l->dst.width}, 3));
    cJSON_AddNumberToObject(layer, "gflop", l->gflop);
    add_direction(layer, "forward", l->gflop, l->forward_ms, l->kernels[0]);
    add_direction(layer, "backward_data", l->gflop, l->backward_data_ms, l->kernels[1]);
    add_direction(layer, "backward_weights", l->gflop, l->backward_weights_ms, l->kernels[2]);
    cJSON_AddNumberToObject(layer, "other_ms", l->other_ms);
    return layer;
}

static void print_json(const BenchArgs *a, const BenchResult *r)
{
    const BenchConfig *c = &a->config;
    char cpu[128];
    cpu_model(cpu, sizeof cpu);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "network", c->model->name);
    cJSON_AddStringToObject(json, "cpu", cpu);
    cJSON_AddNumberToObject(json, "threads", r->threads);
    cJSON_AddStringToObject(json, "precision", PRECISION_NAMES[r->precision]);
    cJSON_AddNumberToObject(json, "batch_size", c->batch_size);
    cJSON_AddNumberToObject(json, "micro_batch", r->micro_batch);
    cJSON_AddNumberToObject(json, "step_ms", r->step_ms);
    cJSON_AddNumberToObject(json, "fastest_step_ms", r->fastest_step_ms);
    cJSON_AddNumberToObject(json, "step_cpu_ms", r->step_cpu_ms);
    cJSON_AddNumberToObject(json, "first_step_ms", r->first_step_ms);
    cJSON_AddNumberToObject(json, "examples_per_second", c->batch_size / r->step_ms * 1e3);
    cJSON_AddNumberToObject(json, "evaluate_ms", r->evaluate_ms);
    cJSON_AddNumberToObject(json, "evaluate_cpu_ms", r->evaluate_cpu_ms);
    cJSON_AddNumberToObject(json, "gflops", speed(r->gflop, r->step_ms));
    cJSON_AddNumberToObject(json, "ceiling_gflops", r->ceiling_gflops);
    cJSON *ms = cJSON_AddObjectToObject(json, "parts_ms");
    Part parts[PARTS];
    parts_of_step(r, parts);
    for (int i = 0; i < PARTS; i++)
        cJSON_AddNumberToObject(ms, parts[i].key, parts[i].ms);
    cJSON_AddNumberToObject(json, "ms_without_products", ms_without_products(r));
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    for (int i = 0; i < r->layer_count; i++)
        cJSON_AddItemToArray(layers, layer_json(&r->layers[i]));
    output_json(json);
    cJSON_Delete(json);
}

/* ---- The command ---- */

int cmd_bench(int argc, char **argv)
{
    BenchArgs a = {.config = {.classes = 10, .batch_size = 128, .steps = 10}, .channels = 1};
    int first_word, exit_code;
    if (!args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code))
        return exit_code;
    a.config.model = args_model(first_word < argc ? argv[first_word] : "googlenet");
    if (!a.config.model)
        return EXIT_USAGE;
    const int side = a.image_size ? a.image_size : a.config.model->image_size;
    a.config.image = (Shape){a.channels, side, side};
    const int asked = a.config.threads;
    a.config.threads = cpus_granted(asked);
    if (asked > a.config.threads)
        output_error("--threads %d: this process may use %d", asked, a.config.threads);
    Error err = {0};
    BenchResult result = {0};
    const int output = output_divert(a.json);
    const bool ok = bench_fits(&a.config, &err) && bench_run(&a.config, &result, &err);
    output_restore(output);
    if (!ok) {
        output_error("%s", err.message);
        return err.code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    }
    (a.json ? print_json : print_text)(&a, &result);
    bench_result_free(&result);
    return EXIT_OK;
}
