/* googlenetd train -- one training in the foreground: its options and its job. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/input.h"
#include "server/cli/job_file.h"
#include "server/cli/output.h"
#include "server/cli/run/follower.h"
#include "server/cli/run/foreground.h"
#include "server/cli/run/tracing.h"

/* ---- Options ---- */

typedef struct {
    const char *job;
    TextList sets;
    int rank_timeout;
    const char *trace;
    Foreground how;
} TrainArgs;

/* The same as --set init_from.file="FILE". */
static bool take_init(void *settings, const char *name, const char *text, Error *err)
{
    (void)name, (void)err;
    TrainArgs *a = settings;
    cJSON *string = cJSON_CreateString(text);
    char *quoted = cJSON_PrintUnformatted(string);
    char *set = xasprintf("init_from.file=%s", quoted);
    text_list_add(&a->sets, set);
    free(set);
    cJSON_free(quoted);
    cJSON_Delete(string);
    return true;
}

#define AT(field) .offset = offsetof(TrainArgs, field)
static const Option OPTIONS[] = {
    {"set", "KEY=VALUE",
     "change a field of the job: --set optimizer.learning_rate=0.05; null takes it out",
     OPTION_LIST, AT(sets)},
    {"out", "DIR", "the folder to fill; else the job file's name with .run, here", OPTION_TEXT,
     AT(how.out)},
    {"resume", NULL, "go on from the checkpoint in the folder, if there is one", OPTION_FLAG,
     AT(how.resume)},
    {"init-from", "FILE", "start with the weights of this model.safetensors, ours or PyTorch's",
     OPTION_CALL, .take = take_init},
    {"trace", "FILE",
     "write a timeline of all ranks for a trace viewer, as chrome://tracing or ui.perfetto.dev",
     OPTION_TEXT, AT(trace)},
    {"rank-timeout", "SECONDS",
     "of several ranks: end the run when one has not been heard of for so long; else 600, 0: never",
     OPTION_INT, AT(rank_timeout), .min = 0, .max = 1000000},
    {"kernels", "FILE", "use the kernels in another run's kernels.txt, for equal bits", OPTION_TEXT,
     AT(how.kernels)},
};

static void explain_fields(FILE *out)
{
    fprintf(out, "\nFields of a job, with their defaults:\n");
    spec_fields_print(out);
}

static const Syntax SYNTAX = {
    .usage = "train JOB.json [--set KEY=VALUE ...] [--out DIR] [--resume] [--init-from FILE] ...",
    .about =
        "Train a network as a job file says (- is standard input); {} is the run of the\n"
        "d2l.ai chapter: GoogLeNet on Fashion-MNIST. The folder gets\n\n"
        "  checkpoint.safetensors   all that is needed to go on, and the one before it\n"
        "  model.safetensors        the weights at the end, whose figures are printed last\n"
        "  best.safetensors         the weights with the best accuracy\n"
        "  epochs.csv, curve.csv    a row for each epoch, and for each recorded step\n"
        "  job.json, kernels.txt    the settings, and the kernels that computed\n\n"
        "A job.json with a kernels.txt beside it is repeated with those kernels, and so to the\n"
        "same bits on the same machine. Ctrl-C, SIGTERM and a terminal that goes away make it\n"
        "write a checkpoint and leave; a second signal makes it leave at once.\n\n"
        "Exit code: 0 done, 1 failed, 2 faulty arguments or job, 128 and the signal's number when\n"
        "one ended it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 1,
    .max_words = 1,
    .explain = explain_fields,
};

/* "jobs/small.json" -> "small.run". */
static char *default_folder(const char *job)
{
    if (strcmp(job, "-") == 0)
        return xstrdup("stdin.run");
    const char *base = path_name(job);
    const size_t length = strlen(base);
    const bool json = length > 5 && strcmp(base + length - 5, ".json") == 0;
    return xasprintf("%.*s.run", (int)(json ? length - 5 : length), base);
}

/* "r/job.json" -> "r/kernels.txt": what a run used stands beside its settings. */
static char *kernels_beside(const char *job)
{
    const char *base = path_name(job);
    if (strcmp(base, "job.json") != 0)
        return NULL;
    return xasprintf("%.*skernels.txt", (int)(base - job), job);
}

/* Read the job on every rank; false, on all, if one of them cannot. Rank 0 says why. */
static bool read_job(const TrainArgs *a, const Comm *comm, JobSpec *spec, int *exit_code)
{
    Faults faults = {0};
    Error err = {0}, said;
    const bool ok = job_file_read(a->job, a->sets.items, a->sets.count, spec, &faults, &err);
    said = err;
    if (!ok && err.code == ERR_NONE)
        fail(&said, ERR_INVALID, "%s %s", faults.items[0].pointer, faults.items[0].detail);
    const bool all = comm_agree(comm, ok, &said);
    *exit_code = comm_rank(comm) == 0 ? EXIT_USAGE : EXIT_OK;
    if (comm_rank(comm) > 0 || all)
        return all;
    args_print_faults(input_label(a->job), &faults);
    if (ok || err.code != ERR_NONE)
        output_error("%s", said.message);
    return false;
}

static int lead(TrainArgs *a, const JobSpec *spec, Error *err)
{
    char *folder = default_folder(a->job), *kernels = kernels_beside(a->job);
    if (!a->how.out)
        a->how.out = folder;
    a->how.repeat_of = kernels;
    const int exit_code = foreground_train(spec, &a->how, err);
    free(folder);
    free(kernels);
    return exit_code;
}

/* The exit code is rank 0's; what another rank alone knows, that one says. */
static int train(TrainArgs *a, Ranks *ranks)
{
    JobSpec spec = {0};
    Error err = {0};
    const int rank = comm_rank(ranks->comm);
    int exit_code;
    if (!read_job(a, ranks->comm, &spec, &exit_code)) {
        ranks_end(ranks, false, exit_code);
        return exit_code;
    }
    Tracing tracing;
    if (!tracing_start(&tracing, a->trace, ranks, &err)) {
        if (rank == 0)
            output_error("%s", err.message);
        tracing_free(&tracing);
        spec_free(&spec);
        ranks_end(ranks, false, EXIT_FAILED);
        return EXIT_FAILED;
    }
    a->how.ranks = &tracing.ranks;
    a->how.trace = tracing.trace;
    if (rank == 0)
        exit_code = lead(a, &spec, &err);
    else
        exit_code =
            follower_train(&spec, &tracing.ranks, tracing.trace, &err) ? EXIT_OK : EXIT_FAILED;
    spec_free(&spec);
    const bool whole = exit_code != EXIT_FAILED || err.code == ERR_STOPPED;
    if (whole && !tracing_write(&tracing, &err))
        exit_code = EXIT_FAILED;
    tracing_free(&tracing);
    const bool known = exit_code != EXIT_FAILED || ranks_agreed_to_end(ranks)
                       || err.code == ERR_NUMERIC || (rank > 0 && err.code == ERR_STOPPED);
    if (rank == 0 && err.code != ERR_NONE)
        output_error("%s", err.message);
    else if (!known && err.code != ERR_NONE)  // else it was said where it arose
        output_error("rank %d: %s", rank, err.message);
    ranks_end(ranks, !known, exit_code);
    return rank > 0 && known ? EXIT_OK : exit_code;
}

static int start_and_train(TrainArgs *a)
{
    Ranks ranks;
    Error err = {0};
    if (!output_file_named("trace", a->trace, &err)) {
        output_error("%s", err.message);
        return EXIT_USAGE;
    }
    if (ranks_start(&ranks, a->rank_timeout, &err))
        return train(a, &ranks);
    output_error("%s", err.message);
    return EXIT_FAILED;
}

int cmd_train(int argc, char **argv)
{
    TrainArgs a = {.rank_timeout = RANK_TIMEOUT};
    int first_word, exit_code;
    if (args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code)) {
        a.job = argv[first_word];
        exit_code = start_and_train(&a);
    }
    text_list_free(&a.sets);
    return exit_code;
}
