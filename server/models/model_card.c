#include "server/models/model_card.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"

/* ---- Numbers ---- */

/* The number at `name` of an object, which may be NULL; false: there is none. */
static bool number_at(const cJSON *object, const char *name, double *value)
{
    return json_number_value(cJSON_GetObjectItemCaseSensitive(object, name), value);
}

/* ---- Limits ---- */

static void add_limit(cJSON *limits, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_limit(cJSON *limits, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cJSON_AddItemToArray(limits, cJSON_CreateString(text));
}

static void limit_pictures(cJSON *limits, const ModelVersion *v)
{
    const VersionRow *row = &v->row;
    add_limit(limits,
              "It answers one of its %d classes for every picture, also for one of something else.",
              row->classes);
    if (v->image.size != row->image_size)
        add_limit(limits,
                  "Pictures become %dx%d pixels (%s, %s), then %dx%d: what is too small to be seen "
                  "at the smaller of the two is not seen.",
                  v->image.size, v->image.size, fit_name(v->image.fit),
                  filter_name(v->image.filter), row->image_size, row->image_size);
    else
        add_limit(limits,
                  "Pictures become %dx%d pixels (%s, %s): what is too small to be seen then is not "
                  "seen.",
                  row->image_size, row->image_size, fit_name(v->image.fit),
                  filter_name(v->image.filter));
    if (row->channels == 1)
        add_limit(limits, "It has never seen colour: pictures are made grey.");
}

static void limit_training(cJSON *limits, const ModelVersion *v, const cJSON *settings)
{
    const VersionRow *row = &v->row;
    const cJSON *augmentation = cJSON_GetObjectItemCaseSensitive(settings, "augmentation");
    const char *flip = json_text_at(augmentation, "flip");
    double share, limit;
    if (!row->dataset.name[0])
        add_limit(limits, "What it was trained on is not known.");
    else
        add_limit(limits,
                  "It has seen pictures of the data set %s alone; its figures hold for pictures "
                  "like those.",
                  row->dataset.name);
    if (strcmp(row->source.kind, "upload") == 0)
        add_limit(limits, "It was not trained here: no figures were measured in its training.");
    if (number_at(settings, "train_limit", &limit) && limit > 0)
        add_limit(limits,
                  "It was trained on the first %.0f training examples alone (train_limit)%s.",
                  limit,
                  row->dataset.id > 0 ? ", and these lie class by class: some may be missing" : "");
    if (flip && strcmp(flip, "none") == 0)
        add_limit(limits, "It has never seen a picture mirrored.");
    if (cJSON_IsObject(settings) && number_at(settings, "validation_split", &share) && share == 0)
        add_limit(limits, "No examples were held out to choose by: where the best checkpoint was "
                          "chosen by its test accuracy, that figure flatters it.");
}

/* The classes that are found least often, as the evaluation has measured them. */
static void limit_classes(cJSON *limits, const cJSON *evaluation)
{
    const cJSON *worst = cJSON_GetObjectItemCaseSensitive(evaluation, "worst_classes"), *class;
    cJSON_ArrayForEach(class, worst)
    {
        const char *name = json_text_at(class, "name");
        double recall, support;
        // One that is always found is no limit, however rarely what is taken for it is.
        if (name && number_at(class, "recall", &recall) && number_at(class, "support", &support)
            && recall < 1)
            add_limit(limits, "Of %.0f picture%s of %.200s it finds %.1f%%.", support,
                      support == 1 ? "" : "s", name, 100 * recall);
    }
}

/* The classes of which the evaluation had no examples. */
static void limit_untested(cJSON *limits, const cJSON *evaluation)
{
    const cJSON *untested = cJSON_GetObjectItemCaseSensitive(evaluation, "untested"), *name;
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(untested, "names");
    double count = 0;
    if (!number_at(untested, "count", &count) || count == 0)
        return;
    char *listed = xstrdup(""), more[48] = "";
    cJSON_ArrayForEach(name, names)
    {
        if (cJSON_IsString(name)) {
            char *longer = xasprintf("%s%s%.100s", listed, *listed ? ", " : "", name->valuestring);
            free(listed);
            listed = longer;
        }
    }
    if (count > cJSON_GetArraySize(names))
        snprintf(more, sizeof more, " and %.0f more", count - cJSON_GetArraySize(names));
    add_limit(limits, "It was tested on no pictures of %s%s: how often it finds them is not known.",
              listed, more);
    free(listed);
}

/* ---- The card ---- */

static cJSON *parsed(const char *text)
{
    cJSON *json = text[0] ? cJSON_Parse(text) : NULL;
    return json ? json : cJSON_CreateNull();
}

static void add_source(cJSON *json, const VersionRow *row)
{
    char id[ID_TEXT];
    cJSON *source = cJSON_AddObjectToObject(json, "source");
    cJSON_AddStringToObject(source, "kind", row->source.kind);
    if (row->source.job_id > 0) {
        job_id_format(row->source.job_id, id);
        cJSON_AddStringToObject(source, "job", id);
        checkpoint_id_format(row->source.step, id);
        cJSON_AddStringToObject(source, "checkpoint", id);
    }
}

void model_card_add_dataset(cJSON *json, const VersionRow *row)
{
    if (!row->dataset.name[0]) {
        cJSON_AddNullToObject(json, "dataset");
        return;
    }
    char id[DATASET_NAME] = "";
    cJSON *set = cJSON_AddObjectToObject(json, "dataset");
    // Uploaded weights may tell of a set that only their daemon knows.
    if (row->dataset.id > 0 || dataset_find(row->dataset.name))
        dataset_public_id(row->dataset.id, row->dataset.name, id, sizeof id);
    json_add_text(set, "id", id);
    cJSON_AddStringToObject(set, "name", row->dataset.name);
    json_add_text(set, "digest", row->dataset.digest);
}

cJSON *model_card_json(const ModelVersion *v)
{
    const VersionRow *row = &v->row;
    char created[TIME_TEXT];
    cJSON *json = cJSON_CreateObject();
    time_format(row->created_at, created);
    cJSON_AddStringToObject(json, "object", "model_card");
    cJSON_AddStringToObject(json, "model", v->name);
    cJSON_AddNumberToObject(json, "version", (double)row->version);
    cJSON_AddStringToObject(json, "created_at", created);
    cJSON_AddStringToObject(json, "network", row->network);
    cJSON_AddNumberToObject(json, "channels", row->channels);
    cJSON_AddNumberToObject(json, "image_size", row->image_size);
    cJSON_AddNumberToObject(json, "class_count", row->classes);
    cJSON_AddItemToObject(json, "classes", parsed(row->class_names));
    add_source(json, row);
    model_card_add_dataset(json, row);
    cJSON *settings = parsed(row->settings), *evaluation = parsed(row->evaluation);
    cJSON_AddItemToObject(json, "metrics", cJSON_CreateRaw(row->metrics));
    cJSON_AddItemToObject(json, "evaluation", cJSON_CreateRaw(row->evaluation));
    cJSON_AddItemToObject(json, "settings", cJSON_CreateRaw(row->settings));
    cJSON_AddItemToObject(json, "environment", cJSON_CreateRaw(row->environment));
    cJSON *limits = cJSON_AddArrayToObject(json, "limits");
    limit_pictures(limits, v);
    limit_training(limits, v, settings);
    limit_classes(limits, evaluation);
    limit_untested(limits, evaluation);
    cJSON_AddStringToObject(json, "sha256", row->sha256);
    cJSON_Delete(settings);
    cJSON_Delete(evaluation);
    return json;
}

/* ---- As Markdown ---- */

/* Text of others, in which nothing is to be taken for Markdown. */
static void put_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\`*_{}[]<>()#+-!|~&", *text))
            fputc('\\', out);
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    }
}

static void put_value(FILE *out, const cJSON *item)
{
    char *text = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
    put_text(out, text ? text : item->valuestring);
    cJSON_free(text);
}

/* A table of the members that are neither null nor objects, those of objects with a dot. */
static void put_rows(FILE *out, const cJSON *object, const char *prefix)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (cJSON_IsObject(item)) {
            char *inner = xasprintf("%s%s.", prefix, item->string);
            put_rows(out, item, inner);
            free(inner);
        } else if (!cJSON_IsNull(item) && !cJSON_IsArray(item)) {
            fputs("| ", out);
            put_text(out, prefix);
            put_text(out, item->string);
            fputs(" | ", out);
            put_value(out, item);
            fputs(" |\n", out);
        }
    }
}

static void put_table(FILE *out, const char *title, const char *text)
{
    cJSON *json = parsed(text);
    fprintf(out, "\n## %s\n\n", title);
    if (cJSON_IsObject(json)) {
        fputs("| | |\n|---|---|\n", out);
        put_rows(out, json, "");
    } else {
        fputs("Not known.\n", out);
    }
    cJSON_Delete(json);
}

static void put_head(FILE *out, const ModelVersion *v)
{
    const VersionRow *row = &v->row;
    char created[TIME_TEXT], id[ID_TEXT];
    time_format(row->created_at, created);
    fputs("# ", out);
    put_text(out, v->name);
    fprintf(out, ", version %lld\n\nA network ", (long long)row->version);
    put_text(out, row->network);
    fprintf(out, " for %dx%dx%d images and %d classes. Registered %s", row->channels,
            row->image_size, row->image_size, row->classes, created);
    if (row->source.job_id > 0) {
        job_id_format(row->source.job_id, id);
        fprintf(out, " from %s", id);
        checkpoint_id_format(row->source.step, id);
        fprintf(out, ", %s", id);
    } else {
        fputs(" from a file that was uploaded", out);
    }
    fprintf(out, ".\nSHA-256 of its file: %s\n", row->sha256);
}

static void put_dataset(FILE *out, const ModelVersion *v)
{
    fputs("\n## Data set\n\n", out);
    if (!v->row.dataset.name[0]) {
        fputs("Not known.\n", out);
    } else {
        put_text(out, v->row.dataset.name);
        if (v->row.dataset.digest[0])
            fprintf(out, " (digest %s)", v->row.dataset.digest);
        fputs("\n", out);
    }
    if (!v->class_names)
        return;
    fputs("\nClasses: ", out);
    for (int i = 0; i < v->row.classes; i++) {
        fputs(i > 0 ? ", " : "", out);
        put_text(out, v->class_names[i]);
    }
    fputs("\n", out);
}

static void put_limits(FILE *out, const ModelVersion *v)
{
    cJSON *card = model_card_json(v);
    const cJSON *limit, *limits = cJSON_GetObjectItemCaseSensitive(card, "limits");
    fputs("\n## Limits\n\n", out);
    cJSON_ArrayForEach(limit, limits)
    {
        fputs("- ", out);
        put_text(out, limit->valuestring);
        fputs("\n", out);
    }
    cJSON_Delete(card);
}

char *model_card_markdown(const ModelVersion *v)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    put_head(out, v);
    put_dataset(out, v);
    put_limits(out, v);
    put_table(out, "Figures of its epoch", v->row.metrics);
    put_table(out, "Evaluation", v->row.evaluation);
    put_table(out, "Settings", v->row.settings);
    put_table(out, "Environment", v->row.environment);
    fclose(out);
    return text;
}
