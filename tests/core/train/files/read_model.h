/* tests/core/train/files/read_model.h -- a store gets the values of a model file or a checkpoint.
 */
#pragma once
#include "core/train/files/checkpoint.h"
#include "core/train/files/safetensors.h"

static inline bool read_model(const char *path, ParamStore *params, const char *const *left_out,
                              Error *err)
{
    SafeFile *f = NULL;
    if (!safetensors_open(path, &f, err))
        return false;
    const bool ok = model_read(f, path, params, left_out, err);
    safetensors_close(f);
    return ok;
}
