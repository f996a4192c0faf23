#include "core/data/loader/loader_slot.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/augment/mixup.h"

enum { ALIGNMENT = 64 };  // of a batch's pixels: a cache line and the widest vector

/* The sizes come from a request, so every product is checked. */
bool loader_slot_allocate(LoaderSlot *slot, size_t count, size_t floats)
{
    size_t all, bytes, padded;
    if (__builtin_mul_overflow(floats, count, &all)
        || __builtin_mul_overflow(all, sizeof(float), &bytes)
        || __builtin_add_overflow(bytes, ALIGNMENT - bytes % ALIGNMENT, &padded))
        return false;
    slot->images = aligned_alloc(ALIGNMENT, padded);
    slot->room = malloc(floats * sizeof *slot->room);
    int32_t **const numbers[] = {&slot->labels, &slot->mixed_labels, &slot->examples,
                                 &slot->partners};
    bool fits = slot->images && slot->room;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        *numbers[i] = malloc(count * sizeof **numbers[i]);
        fits = fits && *numbers[i];
    }
    return fits;
}

void loader_slot_free(LoaderSlot *slot)
{
    free(slot->images);
    free(slot->room);
    free(slot->labels);
    free(slot->mixed_labels);
    free(slot->examples);
    free(slot->partners);
}

void loader_slot_mix(LoaderSlot *slot, double mixup, const DrawKey *key, int channels)
{
    Batch *b = &slot->batch;
    const size_t floats = (size_t)channels * (size_t)b->image_size * (size_t)b->image_size;
    b->share = mixup_draw(mixup, key, b->count, slot->partners);
    for (int i = 0; i < b->count; i++)
        slot->mixed_labels[i] = slot->labels[slot->partners[i]];
    b->mixed_labels = slot->mixed_labels;
    mixup_images(slot->images, floats, b->count, b->share, slot->partners, slot->room);
}
