/* server/models/predictor/loaded_model.h -- a trained network that is ready to predict.
 *
 *     picture file --prepare_picture--> pixels --loaded_model_image--> image --loaded_model_run-->
 *     logits
 *
 * The first arrow is that of an import, the second that of an evaluation, so a picture gives here
 * what it gives in a data set. The third gives an image the same bits whatever is computed with it:
 * kernels are chosen for one size of batch and used for all (NetConfig.kernels_of).
 *
 * Threads   loaded_model_open and loaded_model_image: any. All calls that say "computes": one
 *           thread, and the same for all of them.
 * Shapes    pixels size x size x channels, uint8, of `picture`; image channels x side x side,
 *           float32; logits classes.
 * Errors    as model_file.h and net.h.
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
const LoadedModelFacts *loaded_model_facts(const LoadedModel *m);

/* Pixels that prepare_picture made to facts->picture. */
void loaded_model_image(const LoadedModel *m, const uint8_t *pixels, float *image);
/* Numbers of 0 to 1, channels first, to an image: the normalisation alone. May be in place. */
void loaded_model_normalize(const LoadedModel *m, const float *src, float *image);

/* Whether a model may take so many bytes more; if not, *err says why. */
typedef bool (*MemoryFits)(size_t bytes, Error *err);

typedef struct {
    const char *kernels;    // file of the autotune cache; NULL: none
    bool (*go_on)(void *);  // asked while kernels are measured; NULL: always
    void *context;
    MemoryFits fits;  // asked before it is made, for what it will take; NULL: it always does
} LoadedModelConfig;

/* Computes: make the net, once. Kernels that the cache does not know are measured and added to it,
 * which takes seconds; else it takes some hundredths of one. */
bool loaded_model_prepare(LoadedModel *m, const LoadedModelConfig *config, Error *err);
/* Computes: any number of images, one after the other in memory. */
bool loaded_model_run(LoadedModel *m, const float *images, int count, float *logits, Error *err);

/* Computes: where the network sees what speaks for a class in one image: a grey picture of the size
 * of its pixels, (size, size), white where most does. ERR_INVALID with the reason
 * "not_explainable": core/evaluate/activation_map.h. */
bool loaded_model_explain(LoadedModel *m, const float *image, int label, uint8_t *picture,
                          Error *err);

/* An estimate of the memory that it holds. */
size_t loaded_model_bytes(const LoadedModel *m);
void loaded_model_free(LoadedModel *m);  // computes, once it is prepared; takes NULL
