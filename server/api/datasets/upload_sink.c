#include "server/api/datasets/upload_sink.h"

#include <stdlib.h>

#include "core/base/memory.h"

typedef struct {
    UploadWriter *writer;
    UploadDone done;
    void *context;
    void (*free_context)(void *context);
} UploadSink;

static bool write_piece(void *context, const char *bytes, size_t size, Error *err)
{
    const UploadSink *sink = context;
    return upload_write(sink->writer, bytes, size, err);
}

static void free_sink(UploadSink *sink)
{
    if (sink->free_context)
        sink->free_context(sink->context);
    free(sink);
}

static bool finish(void *context, Response *res, Error *err)
{
    UploadSink *sink = context;
    UploadInfo info;
    const bool ok =
        upload_finish(sink->writer, &info, err) && sink->done(sink->context, &info, res, err);
    free_sink(sink);
    return ok;
}

static void leave(void *context)
{
    UploadSink *sink = context;
    upload_leave(sink->writer);
    free_sink(sink);
}

bool respond_upload(Response *res, UploadWriter *writer, UploadDone done, void *context,
                    void (*free_context)(void *context))
{
    UploadSink *sink = xcalloc(1, sizeof *sink);
    *sink = (UploadSink){writer, done, context, free_context};
    return respond_with_sink(
        res, (Sink){.write = write_piece, .finish = finish, .leave = leave, .context = sink});
}
