/* server/models/model_onnx.h -- a model's file as ONNX, with all that is known of it as metadata:
 * what the file itself says (core/train/files/model_info.h), and
 *
 *   preprocessing   JSON: from a picture file to the graph's input, in this order
 *     colour        "rgb" or "grey"
 *     picture       {"size","fit","filter"}: what becomes of a file (image_spec.h); null: not known
 *     size          side of the image, to which that is resized
 *     layout        "NCHW"
 *     scale, mean, std    (pixel * scale - mean) / std, a number for each channel
 *     in_graph      whether the graph does these three by itself
 *
 * Errors   core/export/onnx.h.
 */
#pragma once
#include "core/export/onnx.h"
#include "core/train/files/model_file.h"

typedef struct {
    bool keep_batch_norm, without_preprocessing, probabilities;
    const OnnxProperty *more;  // properties beside those
    int more_count;
} ModelOnnx;

/* *bytes (may be NULL): the size of the file. */
bool model_onnx_write(const char *path, const ModelFile *m, const ModelOnnx *how, size_t *bytes,
                      Error *err);
