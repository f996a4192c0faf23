/* googlenetd rank [--rank-timeout SECONDS] -- one rank of a training that the daemon has launched:
 * server/launch/report.h has what rank 0 and the daemon say to each other. Not a command for
 * people, but for launchers: a template may end with the option, behind {program}. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/cli/run/follower.h"
#include "server/launch/control.h"
#include "server/launch/order.h"
#include "server/launch/report.h"
#include "server/mpi/ranks.h"
#include "server/work/estimate.h"

typedef struct {
    int timeout;
    Ranks ranks;
    Control *control;
    Order order;
    Dataset *dataset;
    Trainer *trainer;
    double part_at;  // the last time that a part was reported
    pthread_mutex_t printing;
} RankRun;

static bool leads(const RankRun *r)
{
    return comm_rank(r->ranks.comm) == 0;
}

/* By another thread: between two lines, and where the daemon reads. */
static void say_alive(void *context)
{
    RankRun *r = context;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (pthread_mutex_trylock(&r->printing) != 0)
        return;
    char *line = report_word_line("alive");
    const size_t length = strlen(line);
    line[length] = '\n';  // in the place of the final NUL
    // A pipe that is ready takes so little at once.
    if (poll(&out, 1, 0) > 0)
        (void)!write(STDOUT_FILENO, line, length + 1);
    free(line);
    pthread_mutex_unlock(&r->printing);
}

/* Print a line, and free it. Where the daemon does not read for a while, others that wait meanwhile
 * see that this rank lives. */
static void say(RankRun *r, char *line)
{
    size_t length = strlen(line), sent = 0;
    line[length++] = '\n';  // in the place of the final NUL
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    pthread_mutex_lock(&r->printing);
    while (sent < length) {
        // A pipe that is ready takes so much without waiting.
        const size_t piece = length - sent < PIPE_BUF ? length - sent : PIPE_BUF;
        const int ready = poll(&out, 1, 1000);
        const ssize_t count = ready > 0 ? write(STDOUT_FILENO, line + sent, piece) : 0;
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            break;  // nobody reads any more: the end of the input ends this process
        sent += count > 0 ? (size_t)count : 0;
        if (ready == 0)
            comm_progress(r->ranks.comm);
    }
    pthread_mutex_unlock(&r->printing);
    free(line);
}

/* The daemon's next line. Others that wait meanwhile see that this rank lives. */
static char *hear(const RankRun *r)
{
    char *line;
    while (!(line = control_line(r->control)))
        comm_progress(r->ranks.comm);
    return line;
}

/* ---- Events of rank 0 ---- */

static void save_model(RankRun *r, const char *path)
{
    Error err = {0};
    ModelInfo info = trainer_model_info(r->trainer);
    info.dataset = r->order.name;
    const bool ok = model_save(path, trainer_params(r->trainer), &info, &err);
    say(r, ok ? report_word_line("saved") : report_failed_line(&err));
}

/* Do what the daemon wants of a checkpoint, until it has an answer. */
static TrainAnswer await_answer(RankRun *r)
{
    static const char MODEL[] = "model ";
    while (true) {
        char *line = hear(r);
        int answer = 0;
        while (answer < REPORT_ANSWERS && strcmp(line, REPORT_ANSWER_NAMES[answer]) != 0)
            answer++;
        if (strncmp(line, MODEL, strlen(MODEL)) == 0)
            save_model(r, line + strlen(MODEL));
        free(line);
        if (answer < REPORT_ANSWERS)
            return (TrainAnswer)answer;
    }
}

static TrainAnswer on_event(void *context, const TrainEvent *e)
{
    RankRun *r = context;
    const double now = clock_seconds();
    if (e->type != TRAIN_PART || now - r->part_at >= 1) {
        r->part_at = now;
        say(r, report_event_line(e, r->trainer));
    }
    if (e->type == TRAIN_CHECKPOINT || e->type == TRAIN_CHECKPOINT_FAILED)
        return await_answer(r);
    const Asked asked = control_asked(r->control);
    if (asked.stop)
        return TRAIN_STOP;
    return asked.checkpoint ? TRAIN_CHECKPOINT_NOW : TRAIN_GO_ON;
}

/* ---- Every rank's way ---- */

/* The daemon sends the order before there are ranks: where it does not come, the launcher keeps it.
 * NULL: so it is. */
static char *hear_order(const RankRun *r)
{
    const double until = clock_seconds() + r->timeout;
    char *line;
    while (!(line = control_line(r->control)) && (r->timeout == 0 || clock_seconds() < until))
        comm_progress(r->ranks.comm);
    return line;
}

static bool take_order(RankRun *r, Error *err)
{
    const Comm *comm = r->ranks.comm;
    char *line = leads(r) ? hear_order(r) : NULL;
    comm_broadcast_text(comm, &line);
    if (!line)
        return fail(err, ERR_INVALID,
                    "no order has come to rank 0 for %d s (--rank-timeout): the launcher does not "
                    "give its own input to it",
                    r->timeout);
    const bool ok = order_read(line, &r->order, err);
    free(line);
    if (ok && r->order.ranks != comm_size(comm))
        return fail(err, ERR_INVALID, "the launcher has started %d rank%s, and the job has %d",
                    comm_size(comm), comm_size(comm) == 1 ? "" : "s", r->order.ranks);
    return ok;
}

static bool open_data(RankRun *r, int threads, Error *err)
{
    const JobSpec *spec = &r->order.spec;
    return dataset_open(spec->dataset, r->order.folder, &r->dataset, err)
           && training_fits(spec, r->dataset, threads, err);
}

static bool make_trainer(RankRun *r, int threads, Error *err)
{
    const Order *o = &r->order;
    const char *init = o->spec.init_from.file;
    TrainConfig config = spec_train_config(&o->spec);
    char *settings = settings_lines(&o->spec);
    config.comm = r->ranks.comm;
    config.settings = settings;
    config.dataset = r->dataset;
    config.threads = threads;
    config.checkpoint_path = o->checkpoint;
    config.checkpoint_best = true;
    config.checkpoint_every_seconds = o->checkpoint_seconds;
    config.resume_from = o->resume;
    config.resume_count = o->resume_count;
    config.init_from = *init ? init : NULL;
    config.kernels = o->kernels;
    config.autotune_path = o->autotune;
    const bool ok = trainer_new(&config, &r->trainer, err);
    free(settings);
    return ok;
}

static bool train(RankRun *r, Error *err)
{
    const Comm *comm = r->ranks.comm;
    if (!comm_agree(comm, take_order(r, err), err))
        return false;
    const int threads = rank_threads(&r->ranks, r->order.spec.threads);
    if (!comm_agree(comm, open_data(r, threads, err), err) || !make_trainer(r, threads, err))
        return false;
    if (leads(r))
        say(r, report_ready_line(trainer_state(r->trainer), trainer_epoch_steps(r->trainer)));
    return trainer_run(r->trainer, leads(r) ? on_event : NULL, r, err);
}

/* Rank 0 tells the daemon how it ended. What another rank alone knows, that one says, and ends the
 * others. */
static int finish(RankRun *r, bool done, const Error *err)
{
    const bool known = done || ranks_agreed_to_end(&r->ranks) || err->code == ERR_NUMERIC
                       || err->code == ERR_STOPPED;
    const int exit_code = known ? EXIT_OK : EXIT_FAILED;
    control_over(r->control);
    if (leads(r) && (done || err->code == ERR_STOPPED))
        say(r, report_word_line(done ? "done" : "stopped"));
    else if (leads(r))
        say(r, report_failed_line(err));
    else if (!known)
        output_error("rank %d: %s", comm_rank(r->ranks.comm), err->message);
    ranks_end(&r->ranks, !known, exit_code);
    return exit_code;
}

static const Option OPTIONS[] = {
    {"rank-timeout", "SECONDS", "as `googlenetd train` has it", OPTION_INT,
     .offset = offsetof(RankRun, timeout), .min = 0, .max = 1000000},
};

static const Syntax SYNTAX = {
    .usage = "rank [--rank-timeout SECONDS]",
    .about = "One rank of a training: what a daemon's launcher starts.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
};

int cmd_rank(int argc, char **argv)
{
    RankRun r = {.timeout = RANK_TIMEOUT, .printing = PTHREAD_MUTEX_INITIALIZER};
    Error err = {0};
    int first_word, exit_code;
    if (!args_read(&SYNTAX, argc, argv, &r, &first_word, &exit_code))
        return exit_code;
    signal(SIGPIPE, SIG_IGN);
    if (!ranks_start(&r.ranks, r.timeout, &err)
        || !control_start(leads(&r), say_alive, &r, &r.control, &err)) {
        output_error("%s", err.message);
        return EXIT_FAILED;
    }
    if (leads(&r))
        say(&r, report_hello_line(comm_size(r.ranks.comm)));
    const bool done = train(&r, &err);
    trainer_free(r.trainer);
    dataset_free(r.dataset);
    order_free(&r.order);
    return finish(&r, done, &err);
}
