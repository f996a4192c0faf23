#include "server/cli/run/tracing.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/files/atomic_file.h"
#include "core/base/memory.h"
#include "server/cli/output.h"

bool tracing_start(Tracing *t, const char *path, const Ranks *ranks, Error *err)
{
    const Comm *comm = ranks->comm;
    *t = (Tracing){.path = path, .ranks = *ranks};
    if (comm_max(comm, path != NULL) == 0)
        return true;
    const bool ok = comm_rank(comm) > 0 || output_file_possible(path, err);
    if (!comm_agree(comm, ok, err))
        return false;
    t->trace = trace_new();
    traced_comm_start(&t->comm, comm, t->trace);
    if (comm)
        t->ranks.comm = &t->comm.comm;
    return true;
}

void tracing_free(Tracing *t)
{
    trace_free(t->trace);
    *t = (Tracing){0};
}

/* ---- The summary ---- */

typedef struct {
    double in_flight, hidden, waited;  // of sums of gradients: seconds
    int64_t steps, bytes;
} Overlap;

/* Seconds of the span during which one of that kind, which begins before it ends, went on. Spans
 * come in the order of their ends. */
static double seconds_with(const TraceSpan *spans, int64_t count, const TraceSpan *a, int kind)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const TraceSpan *b = &spans[i];
        const double begin = a->start > b->start ? a->start : b->start;
        const double end_a = a->start + a->seconds, end_b = b->start + b->seconds;
        const double end = end_a < end_b ? end_a : end_b;
        if (b->kind == kind && end > begin)
            sum += end - begin;
    }
    return sum;
}

/* Of what began while gradients were computed or summed up: spans from one update to the next. */
static void add_step(const TraceSpan *spans, int64_t count, Overlap *sum)
{
    for (int64_t i = 0; i < count; i++) {
        const TraceSpan *s = &spans[i];
        if (s->kind == TRACE_IN_FLIGHT) {
            sum->in_flight += s->seconds;
            sum->bytes += s->bytes;
            sum->hidden += seconds_with(spans, count, s, TRACE_BACKWARD);
        } else if (s->kind == TRACE_WAIT) {
            sum->waited += s->seconds;
        }
    }
}

static Overlap overlap_of(const TraceSpan *spans, int64_t count)
{
    Overlap sum = {0};
    int64_t first = 0;
    for (int64_t i = 0; i < count; i++) {
        if (spans[i].kind == TRACE_EVALUATE)
            first = i + 1;
        if (spans[i].kind != TRACE_UPDATE)
            continue;
        add_step(spans + first, i - first, &sum);
        sum.steps++;
        first = i + 1;
    }
    return sum;
}

/* ---- The file ---- */

static int thread_of(int kind)
{
    return kind < TRACE_SEND ? 0 : kind < TRACE_IN_FLIGHT ? 1 : 2;
}

static void write_names(FILE *f, int rank)
{
    static const char *const THREADS[] = {"computes", "communicates", "messages under way"};
    fprintf(f,
            "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"name\":\"rank %d\"}}",
            rank, rank);
    for (size_t i = 0; i < COUNT(THREADS); i++)
        fprintf(f,
                ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%zu,"
                "\"args\":{\"name\":\"%s\"}}",
                rank, i, THREADS[i]);
}

static void write_spans(FILE *f, int rank, const TraceSpan *spans, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const TraceSpan *s = &spans[i];
        fprintf(f,
                ",\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%.1f,\"dur\":%.1f",
                TRACE_NAMES[s->kind], rank, thread_of(s->kind), s->start * 1e6, s->seconds * 1e6);
        if (s->bytes > 0)
            fprintf(f, ",\"args\":{\"bytes\":%lld}", (long long)s->bytes);
        fprintf(f, "}");
    }
}

static void write_text(FILE *f, const Tracing *t, const TraceSpan *spans, const int64_t *counts)
{
    const Overlap o = overlap_of(spans, counts[0]);
    fprintf(f, "{\"traceEvents\":[\n");
    for (int r = 0; r < comm_size(t->comm.inner); spans += counts[r++]) {
        fprintf(f, r > 0 ? ",\n" : "");
        write_names(f, r);
        write_spans(f, r, spans, counts[r]);
    }
    fprintf(f,
            "\n],\"displayTimeUnit\":\"ms\",\"otherData\":{\"steps\":%lld,\"bytes_sent\":%lld,"
            "\"in_flight_seconds\":%.6f,\"behind_backward_seconds\":%.6f,\"waited_seconds\":%.6f,"
            "\"dropped_spans\":%lld}}\n",
            (long long)o.steps, (long long)o.bytes, o.in_flight, o.hidden, o.waited,
            (long long)t->trace->dropped);
}

typedef struct {
    AtomicFile *file;
    Error why;  // of the first write that failed
} TraceFile;

/* A cookie_write_function_t: 0 for a fault. */
static ssize_t trace_file_write(void *cookie, const char *text, size_t length)
{
    TraceFile *out = cookie;
    const bool ok =
        out->why.code == ERR_NONE && atomic_file_write(out->file, text, length, &out->why);
    return ok ? (ssize_t)length : 0;
}

static bool write_file(const Tracing *t, const TraceSpan *spans, const int64_t *counts, Error *err)
{
    TraceFile out = {0};
    if (!atomic_file_open(t->path, &out.file, err))
        return false;
    FILE *f = fopencookie(&out, "w", (cookie_io_functions_t){.write = trace_file_write});
    if (!f)
        abort();  // only for want of a few bytes
    write_text(f, t, spans, counts);
    fclose(f);
    if (out.why.code == ERR_NONE)
        return atomic_file_commit(out.file, err);
    atomic_file_cancel(out.file);
    return fail_with(err, &out.why);
}

bool tracing_write(Tracing *t, Error *err)
{
    if (!t->trace)
        return true;
    const Comm *comm = t->comm.inner;
    int64_t *counts = xcalloc((size_t)comm_size(comm), sizeof *counts);
    TraceSpan *spans = traced_comm_gather(&t->comm, counts);
    const bool ok = !spans || !t->path || write_file(t, spans, counts, err);
    free(spans);
    free(counts);
    return ok;
}
