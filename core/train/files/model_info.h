/* core/train/files/model_info.h -- what a trained network is, beside its weights: the metadata of a
 * model file.
 *
 *   model          name in the table of networks
 *   channels, image_size, classes   decimal numbers
 *   class_names    a JSON array of texts, as many as classes
 *   blocks         channels given instead of the network's own: {"2.0":[64,[96,128],[16,32],32]}
 *   normalization, precision        of the training
 *   picture_size, fit, filter       what its data set made of each picture file, before the images
 *                                   were resized to image_size
 *   dataset, dataset_digest         what it was trained on: a name, and what its pixels hash to
 *
 * Any of them may be missing: files from elsewhere have none.
 */
#pragma once
#include "core/data/decode/image_spec.h"
#include "core/data/normalization.h"
#include "core/models/options.h"
#include "core/train/files/safetensors.h"
#include "core/train/files/state_meta.h"
#include "core/train/precision.h"

struct ModelInfo {
    const char *network;                // NULL: not known
    int channels, image_size, classes;  // 0: not known
    const char *const *class_names;     // `classes` of them; NULL: not known
    BlockList blocks;                   // count 0: the network's own
    Normalization normalization;        // of its images; no channels: none
    Precision precision;                // AUTO: not known
    ImageSpec picture;                  // with `channels` channels; size 0: not known
    const char *dataset;                // its name; NULL: not known
    const char *dataset_digest;         // NULL: not known
};

/* {"2.0": [64, [96, 128], [16, 32], 32], ...}, for the caller to delete. */
struct cJSON *blocks_to_json(const BlockList *blocks);

/* Everything that is known but normalization and precision, which a checkpoint says by itself. */
void model_info_to_meta(const ModelInfo *info, MetaList *list);
/* The same with those two. */
void model_info_to_meta_whole(const ModelInfo *info, MetaList *list);

/* Texts are owned: model_info_free. ERR_INVALID: a field is not what it must be;
 * the message names it. */
bool model_info_from_meta(const SafeFile *file, const char *path, ModelInfo *info, Error *err);
void model_info_free(ModelInfo *info);  // one that model_info_from_meta has filled, or {0}
