/* core/train/files/state_meta.h -- a training's state as the metadata of a safetensors file. */
#pragma once
#include "core/train/files/checkpoint.h"
#include "core/train/files/safetensors.h"

/* Metadata being gathered for a file; values are owned. */
typedef struct {
    SafeMeta *items;
    size_t count;
} MetaList;

void meta_add(MetaList *list, const char *key, char *value);  // takes `value`
void meta_free(MetaList *list);

void state_to_meta(const TrainState *state, MetaList *list);
/* Fields that came with format 2 keep what *state has where a file of format 1 lacks them.
 * ERR_INVALID: not a checkpoint, or a field is missing or no number; the message names it. */
bool state_from_meta(const SafeFile *file, const char *path, TrainState *state, Error *err);
