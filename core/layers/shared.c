#include "core/layers/shared.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/slab.h"

Shared *shared_new(void)
{
    Shared *s = xcalloc(1, sizeof *s);
    s->version = 1;
    s->grads = grad_accumulators_new();
    return s;
}

static void pack_free(SharedPack *pack)
{
    slab_free(pack->data, pack->bytes);
    if (pack->layout)
        dnnl_memory_desc_destroy(pack->layout);
    free(pack);
}

void shared_free(Shared *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->pack_count; i++)
        pack_free(s->packs[i]);
    free(s->packs);
    grad_accumulators_free(s->grads);
    slab_free(s->scratch, s->scratch_bytes);
    free(s);
}

bool shared_reserve(Shared *s, size_t bytes, Error *err)
{
    if (bytes <= s->scratch_bytes)
        return true;
    void *scratch = slab_new(bytes);
    if (!scratch)
        return fail(err, ERR_NO_MEMORY, "no memory to work in: %zu MB are needed", bytes >> 20);
    slab_free(s->scratch, s->scratch_bytes);
    s->scratch = scratch;
    s->scratch_bytes = bytes;
    return true;
}

static bool same_key(const SharedPackKey *a, const SharedPackKey *b)
{
    return a->weights == b->weights && a->maker == b->maker && a->variant == b->variant
           && (a->layout == NULL) == (b->layout == NULL)
           && (!a->layout || dnnl_memory_desc_equal(a->layout, b->layout));
}

SharedPack *shared_pack(Shared *s, SharedPackKey key, size_t bytes, Error *err)
{
    for (int i = 0; i < s->pack_count; i++) {
        if (same_key(&s->packs[i]->key, &key)) {
            s->packs[i]->users++;
            return s->packs[i];
        }
    }
    SharedPack *p = xcalloc(1, sizeof *p);
    *p = (SharedPack){.key = key, .bytes = bytes, .users = 1};
    bool ok = !key.layout
              || dnn_try(dnnl_memory_desc_clone(&p->layout, key.layout), "copy a layout", err);
    p->key.layout = p->layout;
    p->data = ok ? slab_new(bytes) : NULL;
    if (ok && !p->data)
        ok = fail(err, ERR_NO_MEMORY, "no memory for packed weights: %zu MB are needed",
                  bytes >> 20);
    if (!ok) {
        pack_free(p);
        return NULL;
    }
    s->packs = xrealloc(s->packs, (size_t)s->pack_count + 1, sizeof(SharedPack *));
    return s->packs[s->pack_count++] = p;
}

void shared_pack_release(Shared *s, SharedPack *pack)
{
    if (!pack || --pack->users > 0)
        return;
    for (int i = 0; i < s->pack_count; i++) {
        if (s->packs[i] == pack)
            s->packs[i] = s->packs[--s->pack_count];
    }
    pack_free(pack);
}

bool shared_pack_is_due(const Shared *s, SharedPack *pack, bool again)
{
    const bool due = again || pack->version != s->version;
    pack->version = s->version;
    return due;
}
