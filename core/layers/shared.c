#include "core/layers/shared.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/slab.h"

Shared *shared_new(void)
{
    Shared *s = xcalloc(1, sizeof *s);
    s->version = 1;
    return s;
}

static void pack_free(SharedPack *pack)
{
    slab_free(pack->data, pack->bytes);
    free(pack);
}

void shared_free(Shared *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->pack_count; i++)
        pack_free(s->packs[i]);
    free(s->packs);
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

SharedPack *shared_pack(Shared *s, const float *weights, const void *maker, int variant,
                        size_t bytes, Error *err)
{
    for (int i = 0; i < s->pack_count; i++) {
        SharedPack *p = s->packs[i];
        if (p->weights == weights && p->maker == maker && p->variant == variant) {
            p->users++;
            return p;
        }
    }
    void *data = slab_new(bytes);
    if (!data) {
        fail(err, ERR_NO_MEMORY, "no memory for packed weights: %zu MB are needed", bytes >> 20);
        return NULL;
    }
    SharedPack *p = xcalloc(1, sizeof *p);
    *p = (SharedPack){weights, maker, variant, data, bytes, 0, 1};
    s->packs = xrealloc(s->packs, (size_t)s->pack_count + 1, sizeof(SharedPack *));
    s->packs[s->pack_count++] = p;
    return p;
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
