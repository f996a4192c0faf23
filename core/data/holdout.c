#include "core/data/holdout.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/numbers/rng.h"

/* Marks the examples of one class that are held out; returns their number. `members` has room for
 * all examples. */
static int hold_out_class(const Split *split, int count, int label, double share, uint64_t seed,
                          int32_t *members, bool *held)
{
    int size = 0;
    for (int i = 0; i < count; i++)
        if (split->labels[i] == label)
            members[size++] = i;
    Rng rng = rng_new(seed, RNG_HOLDOUT, (uint64_t)label);
    rng_shuffle(&rng, members, (size_t)size);
    int out = (int)floor(share * size + 0.5);
    if (out == size && size > 0)
        out--;
    for (int i = 0; i < out; i++)
        held[members[i]] = true;
    return out;
}

bool holdout_new(const Split *split, int count, int classes, double share, uint64_t seed,
                 Holdout *h, Error *err)
{
    *h = (Holdout){0};
    if (!(share >= 0 && share <= 0.5))
        return fail(err, ERR_INVALID, "validation_split must be 0 to 0.5, got %g", share);
    int32_t *members = xcalloc((size_t)count, sizeof *members);
    bool *held = xcalloc((size_t)count, sizeof *held);
    for (int label = 0; share > 0 && label < classes; label++)
        h->validation_count += hold_out_class(split, count, label, share, seed, members, held);
    h->train_count = count - h->validation_count;
    h->train = xcalloc((size_t)h->train_count, sizeof *h->train);
    if (h->validation_count > 0)
        h->validation = xcalloc((size_t)h->validation_count, sizeof *h->validation);
    for (int i = 0, t = 0, v = 0; i < count; i++) {
        if (held[i])
            h->validation[v++] = i;
        else
            h->train[t++] = i;
    }
    free(members);
    free(held);
    if (share == 0 || h->validation_count > 0)
        return true;
    holdout_free(h);
    return fail(err, ERR_INVALID, "validation_split %g of %d examples holds none out", share,
                count);
}

void holdout_free(Holdout *h)
{
    free(h->train);
    free(h->validation);
    *h = (Holdout){0};
}
