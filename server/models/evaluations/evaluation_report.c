#include "server/models/evaluations/evaluation_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/evaluate/mistakes.h"
#include "server/base/json/json_fields.h"
#include "server/base/text/csv_field.h"

enum { NAME_TEXT = 32 };

/* The name of a class, or its number. */
static const char *name_of(const EvaluationReport *r, int class, char text[NAME_TEXT])
{
    if (r->class_names)
        return r->class_names[class];
    snprintf(text, NAME_TEXT, "%d", class);
    return text;
}

/* ---- JSON ---- */

static cJSON *means_json(const MeanFigures *m)
{
    cJSON *json = cJSON_CreateObject();
    json_add_real(json, "precision", m->precision);
    json_add_real(json, "recall", m->recall);
    json_add_real(json, "f1", m->f1);
    return json;
}

static cJSON *classes_json(const EvaluationReport *r)
{
    char text[NAME_TEXT];
    cJSON *json = cJSON_CreateArray();
    for (int k = 0; k < r->figures->classes; k++) {
        const ClassFigures *c = &r->figures->per_class[k];
        cJSON *class = cJSON_CreateObject();
        cJSON_AddStringToObject(class, "name", name_of(r, k, text));
        json_add_real(class, "support", (double)c->support);
        json_add_real(class, "guessed", (double)c->guessed);
        json_add_real(class, "hits", (double)c->hits);
        json_add_real(class, "precision", c->precision);
        json_add_real(class, "recall", c->recall);
        json_add_real(class, "f1", c->f1);
        cJSON_AddItemToArray(json, class);
    }
    return json;
}

static cJSON *cells_json(const ConfusionCell *cells, int count)
{
    cJSON *json = cJSON_CreateArray();
    for (int i = 0; i < count; i++) {
        const double cell[] = {cells[i].truth, cells[i].guess, (double)cells[i].count};
        cJSON_AddItemToArray(json, cJSON_CreateDoubleArray(cell, 3));
    }
    return json;
}

static cJSON *confused_json(const EvaluationReport *r)
{
    ConfusionCell *pairs = xcalloc((size_t)r->confused + 1, sizeof *pairs);
    cJSON *json = cJSON_CreateArray();
    const int count = figures_confused(r->figures, pairs, r->confused);
    for (int i = 0; i < count; i++) {
        cJSON *pair = cJSON_CreateObject();
        json_add_real(pair, "truth", pairs[i].truth);
        json_add_real(pair, "guess", pairs[i].guess);
        json_add_real(pair, "count", (double)pairs[i].count);
        cJSON_AddItemToArray(json, pair);
    }
    free(pairs);
    return json;
}

static cJSON *bins_json(const Calibration *c)
{
    cJSON *json = cJSON_CreateArray();
    for (int b = 0; b < CALIBRATION_BINS; b++) {
        cJSON *bin = cJSON_CreateObject();
        json_add_real(bin, "from", (double)b / CALIBRATION_BINS);
        json_add_real(bin, "to", (double)(b + 1) / CALIBRATION_BINS);
        json_add_real(bin, "count", (double)c->bins[b].count);
        json_add_real(bin, "confidence", c->bins[b].confidence);
        json_add_real(bin, "accuracy", c->bins[b].accuracy);
        cJSON_AddItemToArray(json, bin);
    }
    return json;
}

static cJSON *calibration_json(const EvaluationReport *r)
{
    const Calibration plain = calibration_measure(r->predictions, 1);
    cJSON *json = cJSON_CreateObject();
    json_add_real(json, "expected_error", plain.expected_error);
    json_add_real(json, "largest_error", plain.largest_error);
    cJSON_AddItemToObject(json, "bins", bins_json(&plain));
    if (!(r->temperature > 0)) {
        cJSON_AddNullToObject(json, "temperature");
        if (r->no_temperature)
            cJSON_AddStringToObject(json, "no_temperature", r->no_temperature);
        return json;
    }
    const Calibration mended = calibration_measure(r->predictions, r->temperature);
    json_add_real(json, "temperature", r->temperature);
    json_add_real(json, "temperature_examples", r->temperature_examples);
    json_add_real(json, "loss_at_temperature", mended.loss);
    json_add_real(json, "expected_error_at_temperature", mended.expected_error);
    return json;
}

static cJSON *worst_json(const EvaluationReport *r)
{
    Mistake *worst = xcalloc((size_t)r->worst + 1, sizeof *worst);
    cJSON *json = cJSON_CreateArray();
    const int count = mistakes_worst(r->predictions, worst, r->worst);
    for (int i = 0; i < count; i++) {
        cJSON *mistake = cJSON_CreateObject();
        json_add_real(mistake, "example", worst[i].example);
        json_add_real(mistake, "truth", worst[i].truth);
        json_add_real(mistake, "guess", worst[i].guess);
        json_add_real(mistake, "loss", worst[i].loss);
        json_add_real(mistake, "confidence", worst[i].confidence);
        json_add_real(mistake, "truth_share", worst[i].truth_share);
        cJSON_AddItemToArray(json, mistake);
    }
    free(worst);
    return json;
}

cJSON *evaluation_to_json(const EvaluationReport *r)
{
    const Figures *f = r->figures;
    cJSON *json = cJSON_CreateObject();
    json_add_real(json, "examples", f->count);
    json_add_real(json, "loss", f->loss);
    json_add_real(json, "accuracy", f->accuracy);
    json_add_real(json, "top5_accuracy", f->top5_accuracy);
    cJSON_AddItemToObject(json, "macro", means_json(&f->macro));
    cJSON_AddItemToObject(json, "weighted", means_json(&f->weighted));
    cJSON_AddItemToObject(json, "classes", classes_json(r));
    cJSON_AddItemToObject(json, "confusion", cells_json(f->cells, f->cell_count));
    cJSON_AddItemToObject(json, "confused", confused_json(r));
    cJSON_AddItemToObject(json, "calibration", calibration_json(r));
    cJSON_AddItemToObject(json, "worst", worst_json(r));
    return json;
}

/* ---- CSV ---- */

char *evaluation_confusion_csv(const EvaluationReport *r)
{
    const Figures *f = r->figures;
    char name[NAME_TEXT], *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fputs("truth", out);
    for (int guess = 0; guess < f->classes; guess++) {
        fputc(',', out);
        csv_field(out, name_of(r, guess, name));
    }
    fputc('\n', out);
    const ConfusionCell *cell = f->cells, *end = f->cells + f->cell_count;
    for (int truth = 0; truth < f->classes; truth++) {
        csv_field(out, name_of(r, truth, name));
        for (int guess = 0; guess < f->classes; guess++) {
            const bool here = cell < end && cell->truth == truth && cell->guess == guess;
            fprintf(out, ",%" PRId64, here ? cell->count : 0);
            cell += here;
        }
        fputc('\n', out);
    }
    fclose(out);
    return text;
}
