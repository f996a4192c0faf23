#include "core/data/augment/mixup.h"

#include <string.h>

#include "core/base/numbers/simd.h"

enum { MIXED = -1 };  // in place of a partner

double mixup_draw(double alpha, const DrawKey *key, int count, int32_t *partners)
{
    Draws draws = draws_new(key, "mixup");
    const double share = draw_beta(&draws, alpha);
    for (int i = 0; i < count; i++)
        partners[i] = i;
    for (int i = count; i > 1; i--) {
        const int j = draw_below(&draws, i);
        const int32_t partner = partners[i - 1];
        partners[i - 1] = partners[j];
        partners[j] = partner;
    }
    return share;
}

SIMD_CLONES static void mix(float *restrict image, const float *restrict other, size_t floats,
                            float share, float rest)
{
    for (size_t i = 0; i < floats; i++)
        image[i] = share * image[i] + rest * other[i];
}

/* Along each cycle of the permutation, so that a partner is read before it is mixed itself; the
 * first image of a cycle is kept for the last one. */
void mixup_images(float *images, size_t floats, int count, double share, int32_t *partners,
                  float *room)
{
    for (int first = 0; first < count; first++) {
        if (partners[first] == MIXED || partners[first] == first)
            continue;
        memcpy(room, images + (size_t)first * floats, floats * sizeof *room);
        for (int i = first; partners[i] != MIXED;) {
            const int partner = partners[i];
            const float *other = partner == first ? room : images + (size_t)partner * floats;
            mix(images + (size_t)i * floats, other, floats, (float)share, (float)(1 - share));
            partners[i] = MIXED;
            i = partner;
        }
    }
}
