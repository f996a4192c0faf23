/* core/layers/shared.h -- what the layers of a net share: working memory, and packed weights.
 *
 * Only one layer runs at a time, so all of them work in one block of memory. And a net runs the
 * same weights in several programs (a full batch, a rest, evaluation): a pack is made for the first
 * that asks and lent to the others.
 *
 * Errors   ERR_NO_MEMORY, with the number of bytes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* Weights as one kernel wants them. */
typedef struct {
    const float *weights;  // in the store: with `maker` and `variant`, who it is
    const void *maker;
    int variant;
    void *data;  // 64-byte aligned
    size_t bytes;
    int64_t version;  // of the parameters in it; 0: none yet
    int users;
} SharedPack;

typedef struct {
    void *scratch;  // 64-byte aligned; may move when more is reserved
    size_t scratch_bytes;
    SharedPack **packs;
    int pack_count;
    int64_t version;  // of the parameters in the store, from 1
} Shared;

Shared *shared_new(void);
void shared_free(Shared *s);  // takes NULL; no layer may use it any more

/* Make sure that there is working memory of that size. */
bool shared_reserve(Shared *s, size_t bytes, Error *err);

/* The pack of `weights` that `maker` makes as `variant`, perhaps not filled yet. NULL on failure.
 */
SharedPack *shared_pack(Shared *s, const float *weights, const void *maker, int variant,
                        size_t bytes, Error *err);
void shared_pack_release(Shared *s, SharedPack *pack);  // takes NULL
