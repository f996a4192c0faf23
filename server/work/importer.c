#include "server/work/importer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/threads/timed_thread.h"
#include "server/data/dataset_files.h"

enum { RETRY_MS = 100 };  // until an upload is looked at again that a client works on

struct Importer {
    ImporterConfig config;
    TimedThread thread;
};

static bool on_progress(void *context, int64_t done, int64_t total)
{
    Importer *importer = context;
    return datasets_progress(importer->config.sets, done, total);
}

static bool refuse_source(DatasetOutcome *outcome, const Error *err)
{
    snprintf(outcome->code, sizeof outcome->code,
             err->code == ERR_NO_SPACE ? "disk_full" : "source_missing");
    snprintf(outcome->message, sizeof outcome->message, "the source: %.480s", err->message);
    return false;
}

/* Where the pictures are; false with the outcome filled in. */
static bool find_source(const Importer *importer, const DatasetRow *set, Path *source,
                        DatasetOutcome *outcome)
{
    Datasets *sets = importer->config.sets;
    Error err = {0};
    while (!datasets_fetch(sets, set, source, &err)) {
        // Soon nobody will work on the upload any more.
        const bool locked = err.reason && strcmp(err.reason, "locked") == 0;
        if (locked && !datasets_progress(sets, 0, 0))
            return false;
        if (!locked)
            return refuse_source(outcome, &err);
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
        err = (Error){0};
    }
    return true;
}

static void import_one(Importer *importer, const DatasetRow *set)
{
    const char *data = importer->config.data;
    const Path folder = dataset_pixels_path(data, set->id);
    const Path report = dataset_report_path(data, set->id);
    DatasetOutcome outcome = {0};
    Path source;
    Error err = {0};
    const double began = clock_seconds();
    if (!dataset_folder_make(data, set->id, &err)) {
        snprintf(outcome.code, sizeof outcome.code, err.code == ERR_NO_SPACE ? "disk_full" : "io");
        snprintf(outcome.message, sizeof outcome.message, "%s", err.message);
    } else if (find_source(importer, set, &source, &outcome)) {
        const ImportOrder order = {
            .set = set,
            .source = source.text,
            .folder = folder.text,
            .report = report.text,
            .decoders = importer->config.decoders,
            .progress = on_progress,
            .context = importer,
        };
        importer->config.run(&order, &outcome);
    }
    LOG(importer->config.log, LOG_INFO, "import_ended", log_int("dataset", set->id),
        log_int("train", outcome.train_count), log_int("test", outcome.test_count),
        log_int("left_out", outcome.left_out_count), log_real("seconds", clock_seconds() - began),
        log_text("error", outcome.message));
    datasets_finish(importer->config.sets, &outcome);
    free(outcome.classes);
    free(outcome.warnings);
}

static void *work(void *context)
{
    Importer *importer = context;
    for (DatasetRow set; datasets_take(importer->config.sets, &set);) {
        import_one(importer, &set);
        dataset_row_free(&set);
    }
    return NULL;
}

bool importer_start(const ImporterConfig *config, Importer **out, Error *err)
{
    Importer *importer = xcalloc(1, sizeof *importer);
    importer->config = *config;
    const bool ok =
        timed_thread_start(&importer->thread, work, importer, "the thread that imports", err);
    if (!ok)
        free(importer);
    *out = ok ? importer : NULL;
    return ok;
}

bool importer_stop(Importer *importer, double seconds)
{
    if (!importer)
        return true;
    datasets_leave(importer->config.sets);
    if (!timed_thread_join(&importer->thread, seconds))
        return false;
    free(importer);
    return true;
}
