#include "server/work/import_set.h"

#include <cJSON.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"
#include "server/data/import/import.h"
#include "server/work/error_word.h"
#include "server/work/machine/memory_limit.h"

/* [{"name","train","test"}] by label. */
static char *classes_text(const ImportReport *report)
{
    cJSON *classes = cJSON_CreateArray();
    for (int i = 0; i < report->class_count; i++) {
        const ReportClass *from = &report->classes[i];
        cJSON *class = cJSON_CreateObject();
        cJSON_AddStringToObject(class, "name", from->name);
        cJSON_AddNumberToObject(class, "train", from->counts[PACKED_TRAIN]);
        cJSON_AddNumberToObject(class, "test", from->counts[PACKED_TEST]);
        cJSON_AddItemToArray(classes, class);
    }
    return json_take_text(classes);
}

static char *warnings_text(const ImportReport *report)
{
    cJSON *warnings = cJSON_CreateArray();
    for (size_t i = 0; i < report->warning_count; i++) {
        cJSON *warning = cJSON_CreateObject();
        cJSON_AddStringToObject(warning, "code", report->warnings[i].code);
        cJSON_AddStringToObject(warning, "text", report->warnings[i].text);
        cJSON_AddItemToArray(warnings, warning);
    }
    return json_take_text(warnings);
}

/* What had been found by the time when the import failed. It is for people only: where it cannot be
 * written there is none. */
static void write_report(const ImportReport *report, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    const bool ok = import_report_json(report, file);
    if (fclose(file) != 0 || !ok)
        unlink(path);
}

size_t import_pixel_memory(void)
{
    enum { LEAST = 64 << 20, MOST = 512 << 20, PART = 8 };
    const size_t part = memory_limit().available / PART;
    return part < LEAST ? LEAST : part > MOST ? MOST : part;
}

static ImportConfig config_of(const ImportOrder *order)
{
    const DatasetRow *set = order->set;
    const bool folder = strcmp(set->source.kind, "folder") == 0;
    ImportConfig config = {
        .source = order->source,
        .label = folder ? set->source.what : "what was sent",
        .no_links = folder,
        .folder = order->folder,
        .image = image_spec_default(),
        .test_share = set->test_share,
        .seed = (uint64_t)set->seed,
        .jobs = order->decoders,
        .pixel_memory = import_pixel_memory(),
        .progress = order->progress,
        .context = order->context,
    };
    config.image.channels = set->image.channels;
    config.image.size = set->image.size;
    // The words were checked when the set was created.
    fit_from_name(set->image.fit, &config.image.fit);
    filter_from_name(set->image.filter, &config.image.filter);
    return config;
}

static void fill_ready(const ImportReport *report, DatasetOutcome *outcome)
{
    outcome->ready = true;
    outcome->class_count = report->class_count;
    outcome->train_count = report->counts[PACKED_TRAIN];
    outcome->test_count = report->counts[PACKED_TEST];
    outcome->classes = classes_text(report);
    outcome->warnings = warnings_text(report);
    snprintf(outcome->digest, sizeof outcome->digest, "%s", report->digest);
}

void import_set(const ImportOrder *order, DatasetOutcome *outcome)
{
    const ImportConfig config = config_of(order);
    ImportReport report = {.class_count = 0};
    Error err = {0};
    const bool ok = import_run(&config, &report, &err);
    outcome->left_out_count = (int64_t)report.left_out.count;
    if (ok) {
        fill_ready(&report, outcome);
    } else if (err.code != ERR_STOPPED) {
        snprintf(outcome->code, sizeof outcome->code, "%s",
                 err.reason ? err.reason : error_word(err.code));
        snprintf(outcome->message, sizeof outcome->message, "%s", err.message);
        write_report(&report, order->report);
    }
    import_report_free(&report);
    // Names by the million would else stay with the allocator for as long as the daemon lives.
    malloc_trim(0);
}
