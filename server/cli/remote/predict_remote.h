/* server/cli/remote/predict_remote.h -- a picture file to a daemon, which predicts. */
#pragma once
#include "server/cli/remote/remote.h"

/* `model`: a reference; `path`: as input.h has it. *prediction, {"classes":[...]}, is the caller's.
 * Errors: remote.h, and those of reading the file. */
bool predict_remote(Remote *remote, const char *model, int top_k, const char *path,
                    cJSON **prediction, Error *err);
