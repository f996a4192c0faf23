/* core/export/onnx.h -- a trained network as an ONNX file: opset 13, IR version 7.
 *
 * Input   "pixels", float32, batch x channels x height x width, batch of any size: pixels as they
 *         are stored, 0 to 255, where the preprocessing is in the graph; else "image": what the
 *         network itself takes, pixels / 255, then (x - mean) / deviation where its images are
 *         normalised.
 * Output  "logits", float32, batch x classes; or "probabilities", their softmax.
 *
 * All windows have explicit pads. Layers that only training has (dropout) are left out. Batch norms
 * that follow a convolution are folded into it, or stand as they are. The properties become the
 * file's metadata; "input" is added to them, a sentence that says what goes in.
 *
 * Errors   ERR_INVALID: a layer has no form in ONNX (core/export/onnx_layers.h), the normalisation
 *          is of another number of channels, or the file would be larger than the 2 GB that a
 *          protocol buffer can be. ERR_NO_MEMORY. Writing: core/base/files/atomic_file.h.
 * Source   https://github.com/onnx/onnx/blob/main/docs/Operators.md
 */
#pragma once
#include "core/data/normalization.h"
#include "core/dnn/params.h"

typedef struct {
    const char *key, *value;
} OnnxProperty;

typedef struct {
    const char *name;             // of the network: "googlenet"
    const char *program_version;  // of what writes the file
    const Graph *graph;           // as a model made it
    const ParamStore *params;
    Normalization normalization;  // of its images; no channels: none
    bool keep_batch_norm;
    bool without_preprocessing;
    bool probabilities;
    const OnnxProperty *properties;
    int property_count;
} OnnxExport;

/* The file is there whole or not at all. *bytes (may be NULL): its size. */
bool onnx_write(const char *path, const OnnxExport *what, size_t *bytes, Error *err);
