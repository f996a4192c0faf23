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
             err->code == ERR_NO_SPACE ? "disk_full" : DATASET_SOURCE_MISSING);
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

/* Wait while the disk that data sets are on is away. False: the import is to end. */
static bool wait_for_disk(Datasets *sets, const DatasetRow *set)
{
    Error why = {0};
    for (bool told = false; !datasets_may_write(sets, set, &why); told = true) {
        if (!datasets_pause(sets, told ? NULL : why.message))
            return false;
        why = (Error){0};
    }
    return true;
}

static void try_import(Importer *importer, const DatasetRow *set, DatasetOutcome *outcome)
{
    const char *data = importer->config.data;
    const Path folder = dataset_pixels_path(data, set->id);
    const Path report = dataset_report_path(data, set->id);
    Path source;
    Error err = {0};
    if (!datasets_make_folder(importer->config.sets, set->id, &err)) {
        snprintf(outcome->code, sizeof outcome->code,
                 err.code == ERR_NO_SPACE ? "disk_full" : "io");
        snprintf(outcome->message, sizeof outcome->message, "%s", err.message);
    } else if (find_source(importer, set, &source, outcome)) {
        const ImportOrder order = {
            .set = set,
            .source = source.text,
            .folder = folder.text,
            .report = report.text,
            .decoders = importer->config.decoders,
            .progress = on_progress,
            .context = importer,
        };
        importer->config.run(&order, outcome);
    }
}

/* An import that fails as its disk goes begins again once that is back. */
static void import_one(Importer *importer, const DatasetRow *set)
{
    Datasets *sets = importer->config.sets;
    DatasetOutcome outcome = {0};
    bool again = wait_for_disk(sets, set);
    const double began = clock_seconds();
    while (again) {
        Error away = {0};
        try_import(importer, set, &outcome);
        again = outcome.code[0] && !datasets_may_write(sets, set, &away);
        if (again) {
            outcome = (DatasetOutcome){0};
            again = wait_for_disk(sets, set);
        }
    }
    LOG(importer->config.log, LOG_INFO, "import_ended", log_int("dataset", set->id),
        log_int("train", outcome.train_count), log_int("test", outcome.test_count),
        log_int("left_out", outcome.left_out_count), log_real("seconds", clock_seconds() - began),
        log_text("error", outcome.message));
    datasets_finish(sets, &outcome);
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
