/* core/layers/shared.h -- what the layers of a net share: working memory, packed weights, gradient
 * accumulators.
 *
 * Only one layer runs at a time, so all of them work in one block of memory. And a net runs the
 * same weights in several programs (a whole micro-batch, the rest of a batch, evaluation): a pack
 * is made for the first that asks and lent to the others.
 *
 * Errors   ERR_NO_MEMORY, with the number of bytes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/dnn/dnn.h"
#include "core/layers/grad_accumulators.h"

/* What tells packs apart. */
typedef struct {
    const float *weights;  // in the store
    const void *maker;     // identifies the kernel; the address of anything will do
    int variant;
    const_dnnl_memory_desc_t layout;  // of oneDNN's packs, else NULL
} SharedPackKey;

/* Weights in the layout and type of a kernel. */
typedef struct {
    SharedPackKey key;
    dnnl_memory_desc_t layout;  // owned: key.layout
    void *data;                 // 64-byte aligned
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
    GradAccumulators *grads;
} Shared;

Shared *shared_new(void);
void shared_free(Shared *s);  // takes NULL; no layer may use it any more

/* Make sure that there is working memory of that size. */
bool shared_reserve(Shared *s, size_t bytes, Error *err);

/* The pack of that key, `bytes` large, perhaps not filled yet. NULL on failure. */
SharedPack *shared_pack(Shared *s, SharedPackKey key, size_t bytes, Error *err);
void shared_pack_release(Shared *s, SharedPack *pack);  // takes NULL

/* Whether the weights must be packed: they have changed, or `again`. From then on they count as
 * packed. */
bool shared_pack_is_due(const Shared *s, SharedPack *pack, bool again);
