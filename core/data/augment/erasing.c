#include "core/data/augment/erasing.h"

#include <string.h>

#include "core/data/augment/box.h"

static bool is_on(const Augmentation *a)
{
    return a->erasing.probability > 0;
}

static void change(const Augmentation *a, const DrawKey *key, Shape shape, float *image)
{
    const Erasing *e = &a->erasing;
    Draws draws = draws_new(key, "erasing");
    if (draw_uniform(&draws) >= e->probability)
        return;
    const BoxRule rule = {
        {e->scale[0], e->scale[1]}, {1 / e->ratio[1], 1 / e->ratio[0]}, .smaller = true};
    Box box;
    if (!draw_box(&draws, &rule, shape.height, shape.width, &box))
        return;
    for (int c = 0; c < shape.channels; c++)
        for (int y = box.top; y < box.top + box.height; y++)
            memset(image + shape_at(shape, c, y, box.left), 0, (size_t)box.width * sizeof *image);
}

const AugmentOp ERASING = {.name = "erasing", .on = is_on, .change_image = change};
