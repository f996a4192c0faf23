#include "core/data/augment/augment.h"

#include <math.h>

#include "core/base/memory.h"
#include "core/data/augment/erasing.h"
#include "core/data/augment/flip.h"
#include "core/data/augment/padded_crop.h"
#include "core/data/augment/resized_crop.h"

/* In the order in which they are done. */
static const AugmentOp *const OPS[] = {&PADDED_CROP, &RESIZED_CROP, &FLIP, &ERASING};

void augment_picture(const Augmentation *a, const DrawKey *key, uint8_t *const rooms[2], Picture *p)
{
    int room = 0;
    for (size_t i = 0; i < COUNT(OPS); i++) {
        if (!OPS[i]->change_picture || !OPS[i]->on(a))
            continue;
        OPS[i]->change_picture(a, key, rooms[room], p);
        if (p->pixels == rooms[room])
            room = !room;
    }
}

void augment_image(const Augmentation *a, const DrawKey *key, Shape shape, float *image)
{
    for (size_t i = 0; i < COUNT(OPS); i++)
        if (OPS[i]->change_image && OPS[i]->on(a))
            OPS[i]->change_image(a, key, shape, image);
}

static bool check_range(const char *name, const double range[2], double most, Error *err)
{
    return (range[0] > 0 && range[0] <= range[1] && range[1] <= most)
           || fail(err, ERR_INVALID,
                   "%s must be two numbers above 0 and at most %g, the smaller "
                   "one first, got %g and %g",
                   name, most, range[0], range[1]);
}

static bool check_erasing(const Erasing *e, Error *err)
{
    if (!(e->probability >= 0 && e->probability <= 1))
        return fail(err, ERR_INVALID, "augmentation.erasing must be 0 to 1, got %g",
                    e->probability);
    return e->probability == 0
           || (check_range("augmentation.erasing_scale", e->scale, 1, err)
               && check_range("augmentation.erasing_ratio", e->ratio, AUGMENT_MAX_RATIO, err));
}

bool augmentation_check(const Augmentation *a, Shape picture, Error *err)
{
    const int side = picture.height < picture.width ? picture.height : picture.width;
    if (a->crop_padding < 0 || a->crop_padding >= side)
        return fail(err, ERR_INVALID,
                    "augmentation.crop_padding must be 0 to %d for pictures of %d x %d, got %d",
                    side - 1, picture.height, picture.width, a->crop_padding);
    if (!(a->mixup >= 0 && a->mixup <= AUGMENT_MAX_ALPHA))
        return fail(err, ERR_INVALID, "augmentation.mixup must be 0 to %g, got %g",
                    AUGMENT_MAX_ALPHA, a->mixup);
    const ResizedCrop *c = &a->resized_crop;
    return check_erasing(&a->erasing, err)
           && (!c->on
               || (check_range("augmentation.resized_crop_scale", c->scale, 1, err)
                   && check_range("augmentation.resized_crop_ratio", c->ratio, AUGMENT_MAX_RATIO,
                                  err)));
}
