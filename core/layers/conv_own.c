#include "core/layers/conv_own.h"

#include <stdlib.h>

bool conv_own_pass(ConvOwn *o, const ConvKernel *k, Layer *l, size_t pack_bytes,
                   size_t scratch_bytes, Error *err)
{
    o->pack =
        shared_pack(l->shared, layer_values(l, WEIGHTS), k, (int)l->src[0]->type, pack_bytes, err);
    return o->pack && shared_reserve(l->shared, scratch_bytes, err);
}

bool conv_own_grad(ConvOwn *o, Layer *l, size_t sums, size_t scratch_bytes, Error *err)
{
    return conv_sums_new(&o->sums, l, sums, err) && shared_reserve(l->shared, scratch_bytes, err);
}

bool conv_own_must_pack(const ConvOwn *o, const Layer *l, bool again)
{
    const bool must = again || o->pack->version != l->shared->version;
    o->pack->version = l->shared->version;
    return must;
}

void conv_own_destroy(Layer *l, void *state)
{
    ConvOwn *o = state;
    if (!o)
        return;
    shared_pack_release(l->shared, o->pack);
    conv_sums_free(&o->sums);
    brgemms_free(o->brgemms);
    free(o);
}
