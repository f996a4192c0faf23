/* core/data/loader/loader_slot.h -- a batch that the loader prepares, and its memory. */
#pragma once
#include <stdatomic.h>

#include "core/data/augment/draws.h"
#include "core/data/loader/loader.h"

typedef struct {
    float *images;
    int32_t *labels, *mixed_labels;
    int32_t *examples, *partners;  // (batch_size); partners of mixup
    int first, end;                // images that are wanted
    float *room;                   // one image, for mixup
    Batch batch;
    atomic_int left;  // pictures that are not yet made
    bool ready;       // guarded by the loader's mutex
} LoaderSlot;

/* Memory for `count` images of `floats` numbers each. False, with what there is for
 * loader_slot_free: there is not so much, or no number for it. */
bool loader_slot_allocate(LoaderSlot *slot, size_t count, size_t floats);
void loader_slot_free(LoaderSlot *slot);

/* Whether image i of the batch is to be made. */
static inline bool loader_slot_wants(const LoaderSlot *slot, int i)
{
    return i >= slot->first && i < slot->end;
}

/* Mix each image with another one of the batch, and note it in the batch's description. */
void loader_slot_mix(LoaderSlot *slot, double mixup, const DrawKey *key, int channels);
