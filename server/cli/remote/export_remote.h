/* server/cli/remote/export_remote.h -- a model of a daemon as ONNX. */
#pragma once
#include "server/cli/remote/remote.h"

typedef struct {
    const char *model;  // a reference
    const char *file;   // to write
    bool keep_batch_norm, without_preprocessing, probabilities;
} ExportRequest;

/* *version, the daemon's description of what was written, is the caller's. Errors: remote.h,
 * core/base/files/atomic_file.h. */
bool export_remote(Remote *remote, const ExportRequest *request, cJSON **version, size_t *bytes,
                   Error *err);
