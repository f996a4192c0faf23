/* Metrics for Prometheus. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/api/api_common.h"
#include "server/base/process_memory.h"

static void metric(FILE *out, const char *name, const char *type, const char *help, double value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

/* A line of its own for each status; `ended` leaves out those that a job can still leave. */
static void metric_statuses(FILE *out, const char *name, const char *type, const char *help,
                            const int64_t counts[JOB_STATUSES], bool ended)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    for (int s = 0; s < JOB_STATUSES; s++)
        if (!ended || !job_status_active((JobStatus)s))
            fprintf(out, "%s{status=\"%s\"} %" PRId64 "\n", name, JOB_STATUS_NAMES[s], counts[s]);
}

static void write_ready(FILE *out, Jobs *jobs)
{
    Error unimportant = {0};
    metric(out, "googlenetd_ready", "gauge",
           "1: jobs can be created and trained, as /readyz says; 0: the disk, most often.",
           jobs_ready(jobs, &unimportant));
}

static void write_jobs(FILE *out, const JobCounts *c)
{
    metric_statuses(out, "googlenetd_jobs", "gauge", "Jobs stored, by status.", c->by_status,
                    false);
    metric_statuses(out, "googlenetd_jobs_finished_total", "counter",
                    "Jobs that ended since the daemon started, by how they ended.", c->finished,
                    true);
    metric(out, "googlenetd_training_steps_total", "counter", "Training steps made.",
           (double)c->steps);
    metric(out, "googlenetd_training_examples_total", "counter", "Examples trained on.",
           (double)c->examples);
    metric(out, "googlenetd_training_epochs_total", "counter", "Epochs ended and evaluated.",
           (double)c->epochs);
    metric(out, "googlenetd_training_seconds_total", "counter", "Time spent in training steps.",
           c->train_seconds);
    metric(out, "googlenetd_training_examples_per_second", "gauge",
           "Speed of the running jobs together.", c->examples_per_second);
    metric(out, "googlenetd_checkpoints_total", "counter", "Checkpoints written.",
           (double)c->checkpoints);
    metric(out, "googlenetd_job_restarts_total", "counter",
           "Jobs queued again because the daemon, or their ranks, had died.", (double)c->restarts);
}

static void write_http(FILE *out, HttpCounts *c, Log *log)
{
    static const char NAME[] = "googlenetd_http_requests_total";
    fprintf(out, "# HELP %s Requests answered, by class of status.\n# TYPE %s counter\n", NAME,
            NAME);
    for (int digit = 2; digit < 6; digit++)
        fprintf(out, "%s{code=\"%dxx\"} %lld\n", NAME, digit, atomic_load(&c->requests[digit]));
    metric(out, "googlenetd_http_connections", "gauge", "Connections open.",
           atomic_load(&c->connections));
    metric(out, "googlenetd_http_streams", "gauge", "Readers of events.", atomic_load(&c->streams));
    metric(out, "googlenetd_http_connections_cut_total", "counter",
           "Connections cut off for being too slow or too many.", (double)atomic_load(&c->cut));
    metric(out, "googlenetd_http_requests_busy_total", "counter",
           "Requests refused because too many waited for a handler.",
           (double)atomic_load(&c->busy));
    metric(out, "googlenetd_http_requests_late_total", "counter",
           "Requests answered before their handler was done, because it took too long.",
           (double)atomic_load(&c->late));
    metric(out, "googlenetd_http_bodies", "gauge", "Files being received.",
           atomic_load(&c->bodies));
    metric(out, "googlenetd_http_body_bytes_total", "counter", "Bytes of files received.",
           (double)atomic_load(&c->body_bytes));
    metric(out, "googlenetd_log_lines_dropped_total", "counter",
           "Lines of the log that nobody took.", (double)log_dropped(log));
}

static void write_predictions(FILE *out, const App *app)
{
    const PredictorCounts c = predictor_counts(app->predictor);
    const PictureDecodersCounts pictures = picture_decoders_counts(app->decoders);
    metric(out, "googlenetd_predict_requests_total", "counter", "Requests to predict computed.",
           (double)c.requests);
    metric(out, "googlenetd_predict_images_total", "counter", "Images of these requests.",
           (double)c.images);
    metric(out, "googlenetd_predict_batches_total", "counter",
           "Batches that these images were computed in.", (double)c.batches);
    metric(out, "googlenetd_predict_seconds_total", "counter", "Time spent computing predictions.",
           c.seconds);
    metric(out, "googlenetd_predict_refused_total", "counter",
           "Requests to predict refused because too many waited, or one waited too long.",
           (double)c.refused);
    metric(out, "googlenetd_predict_waiting_images", "gauge", "Images that wait to be computed.",
           c.waiting);
    metric(out, "googlenetd_predict_models", "gauge", "Models loaded for predictions.", c.loaded);
    metric(out, "googlenetd_predict_models_bytes", "gauge", "Memory that these models take.",
           (double)c.bytes);
    metric(out, "googlenetd_predict_pictures_total", "counter",
           "Picture files decoded for predictions.", (double)pictures.decoded);
    metric(out, "googlenetd_predict_pictures_failed_total", "counter",
           "Picture files that could not be decoded.", (double)pictures.failed);
    metric(out, "googlenetd_predict_decoders", "gauge", "Processes that decode pictures.",
           pictures.processes);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n - 3;  // ".", ".." and the folder itself
}

static void write_process(FILE *out, const App *app)
{
    struct rusage use = {0};
    getrusage(RUSAGE_SELF, &use);
    const double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
                       + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
    metric(out, "process_cpu_seconds_total", "counter", "Time of all cores used.", cpu);
    metric(out, "process_resident_memory_bytes", "gauge", "Memory in use.",
           (double)process_resident_bytes());
    metric(out, "process_open_fds", "gauge", "Descriptors open.", open_descriptors());
    metric(out, "process_start_time_seconds", "gauge", "When the daemon started, since 1970.",
           (double)app->started_at / 1000);
    fprintf(out,
            "# HELP googlenetd_build_info What runs here.\n# TYPE googlenetd_build_info gauge\n"
            "googlenetd_build_info{version=\"%s\"} 1\n",
            app->version);
}

bool get_metrics(App *app, const Request *req, Response *res, Error *err)
{
    char *text = NULL;
    size_t size;
    (void)req;
    const JobCounts counts = jobs_counts(app->jobs);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fail(err, ERR_NO_MEMORY, "no memory for the answer");
    write_ready(out, app->jobs);
    write_jobs(out, &counts);
    write_http(out, app->counts, app->log);
    write_predictions(out, app);
    write_process(out, app);
    if (fclose(out) != 0)
        return fail(err, ERR_NO_MEMORY, "no memory for the answer");
    respond_text(res, "text/plain; version=0.0.4; charset=utf-8", text, size);
    res->tagged = false;
    return true;
}
