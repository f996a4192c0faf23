#include "server/cli/run/follower.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "server/cli/dataset_argument.h"
#include "server/cli/run/interrupt.h"
#include "server/work/machine/cpus.h"

int rank_threads(const Ranks *ranks, int asked)
{
    const int share = cpus_shared(ranks->sharing, ranks->on_host);
    return (int)comm_min(ranks->comm, asked > 0 && asked < share ? asked : share);
}

void settings_digest(const JobSpec *spec, char digest[65])
{
    cJSON *json = spec_to_json(spec);
    char *text = cJSON_PrintUnformatted(json);
    Sha256 hash = sha256_new();
    sha256_add(&hash, text, strlen(text));
    sha256_hex(&hash, digest);
    cJSON_free(text);
    cJSON_Delete(json);
}

static TrainAnswer on_event(void *context, const TrainEvent *e)
{
    (void)context, (void)e;
    return interrupt_signal() ? TRAIN_STOP : TRAIN_GO_ON;
}

/* The meetings are those of foreground_train on rank 0. */
bool follower_train(const JobSpec *spec, const Ranks *ranks, Trace *trace, Error *err)
{
    char digest[65];
    const Comm *comm = ranks->comm;
    TrainConfig config = spec_train_config(spec);
    Dataset *dataset = NULL;
    Trainer *trainer = NULL;
    interrupt_install();
    config.threads = rank_threads(ranks, spec->threads);
    bool ok = comm_agree(comm, dataset_argument_open(spec->dataset, &dataset, err), err);
    settings_digest(spec, digest);
    config.comm = comm;
    config.settings = digest;
    config.trace = trace;
    config.dataset = dataset;
    config.checkpoint_best = true;
    ok = ok && trainer_new(&config, &trainer, err) && comm_agree(comm, true, err)
         && trainer_run(trainer, on_event, NULL, err);
    if (!ok && err->code == ERR_STOPPED)
        comm_max(comm, interrupt_signal());
    trainer_free(trainer);
    dataset_free(dataset);
    return ok;
}
