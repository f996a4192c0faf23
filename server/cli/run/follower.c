#include "server/cli/run/follower.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "server/cli/dataset_argument.h"
#include "server/cli/run/interrupt.h"
#include "server/work/machine/cpus.h"

int rank_threads(const Ranks *ranks, int asked)
{
    const int share = cpus_shared(ranks->sharing, ranks->on_host);
    return (int)comm_min(ranks->comm, asked > 0 && asked < share ? asked : share);
}

/* The text of a value, from malloc, and its bytes to *hash. */
static char *print_into(Sha256 *hash, const cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);
    sha256_add(hash, text, strlen(text) + 1);
    return text;
}

char *settings_lines(const JobSpec *spec)
{
    char digest[65], *lines = xstrdup("");
    cJSON *json = spec_to_json(spec);
    const cJSON *field;
    Sha256 hash = sha256_new();
    cJSON_ArrayForEach(field, json)
    {
        char *value = print_into(&hash, field);
        char *more = xasprintf("%s%s %s\n", lines, field->string, value);
        cJSON_free(value);
        free(lines);
        lines = more;
    }
    sha256_hex(&hash, digest);
    char *all = xasprintf("%sthe settings %s\n", lines, digest);
    free(lines);
    cJSON_Delete(json);
    return all;
}

static TrainAnswer on_event(void *context, const TrainEvent *e)
{
    (void)context, (void)e;
    return interrupt_signal() ? TRAIN_STOP : TRAIN_GO_ON;
}

/* The meetings are those of foreground_train on rank 0. */
bool follower_train(const JobSpec *spec, const Ranks *ranks, Trace *trace, Error *err)
{
    const Comm *comm = ranks->comm;
    TrainConfig config = spec_train_config(spec);
    Dataset *dataset = NULL;
    Trainer *trainer = NULL;
    interrupt_install();
    config.threads = rank_threads(ranks, spec->threads);
    bool ok = comm_agree(comm, dataset_argument_open(spec->dataset, &dataset, err), err);
    char *settings = settings_lines(spec);
    config.comm = comm;
    config.settings = settings;
    config.trace = trace;
    config.dataset = dataset;
    config.checkpoint_best = true;
    ok = ok && trainer_new(&config, &trainer, err) && comm_agree(comm, true, err)
         && trainer_run(trainer, on_event, NULL, err);
    if (!ok && err->code == ERR_STOPPED)
        comm_max(comm, interrupt_signal());
    trainer_free(trainer);
    dataset_free(dataset);
    free(settings);
    return ok;
}
