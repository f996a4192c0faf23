#include "core/data/augment/resized_crop.h"

#include "core/data/augment/box.h"

static bool is_on(const Augmentation *a)
{
    return a->resized_crop.on;
}

static void change(const Augmentation *a, const DrawKey *key, uint8_t *room, Picture *p)
{
    (void)room;
    Draws draws = draws_new(key, "resized_crop");
    const ResizedCrop *c = &a->resized_crop;
    const BoxRule rule = {{c->scale[0], c->scale[1]}, {c->ratio[0], c->ratio[1]}, false};
    Box box;
    if (!draw_box(&draws, &rule, p->height, p->width, &box))
        box = middle_box(c->ratio, p->height, p->width);
    p->pixels += (size_t)box.top * p->row_bytes + (size_t)box.left * (size_t)p->channels;
    p->height = box.height;
    p->width = box.width;
}

const AugmentOp RESIZED_CROP = {.name = "resized_crop", .on = is_on, .change_picture = change};
