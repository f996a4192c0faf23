/* server/models/predictor/loaded_model.h -- a trained network that is read, to predict with.
 *
 *     picture file --prepare_picture--> pixels --loaded_model_image--> image --model_runner_run-->
 *     logits
 *
 * The first arrow is that of an import, the second that of an evaluation, so a picture gives here
 * what it gives in a data set.
 *
 * Threads   any: nothing changes after it is read.
 * Shapes    pixels size x size x channels, uint8, of `picture`; image channels x side x side,
 *           float32; logits classes.
 * Errors    as model_file.h, but ERR_DAMAGED for a file that is none (server/models/model_files.h).
 */
#pragma once
#include "core/train/files/model_file.h"

enum { LOADED_MODEL_BATCH = 32 };  // images that are computed at a time, at most

typedef struct LoadedModel LoadedModel;

typedef struct {
    const ModelInfo *info;
    ImageSpec picture;   // what becomes of a picture file; assumed where the file does not say it
    size_t image_count;  // numbers of an image
    bool bf16;
} LoadedModelFacts;

/* Read the file. `precision`: AUTO is that of the training, where the file says it and the CPU has
 * it. `picture` is what becomes of a picture file where the file does not say it; NULL, or of size
 * 0: the image that the network takes. */
bool loaded_model_open(const char *path, const ModelHints *hints, Precision precision,
                       const ImageSpec *picture, LoadedModel **model, Error *err);
void loaded_model_free(LoadedModel *m);  // takes NULL

const LoadedModelFacts *loaded_model_facts(const LoadedModel *m);
const Graph *loaded_model_graph(const LoadedModel *m);
ParamStore *loaded_model_params(const LoadedModel *m);  // to be read only

/* Pixels that prepare_picture made to facts->picture. */
void loaded_model_image(const LoadedModel *m, const uint8_t *pixels, float *image);
/* Numbers of 0 to 1, channels first, to an image: the normalisation alone. May be in place. */
void loaded_model_normalize(const LoadedModel *m, const float *src, float *image);

/* An estimate of the memory that it holds. */
size_t loaded_model_bytes(const LoadedModel *m);
