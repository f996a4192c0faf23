#include "core/data/augment/padded_crop.h"

#include <string.h>

static bool is_on(const Augmentation *a)
{
    return a->crop_padding > 0;
}

static int clamp(int x, int most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

static void change(const Augmentation *a, const DrawKey *key, uint8_t *room, Picture *p)
{
    Draws draws = draws_new(key, "crop_padding");
    const int dy = draw_below(&draws, 2 * a->crop_padding + 1) - a->crop_padding;
    const int dx = draw_below(&draws, 2 * a->crop_padding + 1) - a->crop_padding;
    const size_t channels = (size_t)p->channels, row_bytes = (size_t)p->width * channels;
    // Columns [first, end) of a row come from the picture.
    const size_t first = channels * (size_t)clamp(-dx, p->width);
    const size_t end = channels * (size_t)clamp(p->width - dx, p->width);
    for (int y = 0; y < p->height; y++) {
        uint8_t *dst = room + (size_t)y * row_bytes;
        memset(dst, 0, row_bytes);
        if (y + dy < 0 || y + dy >= p->height || first >= end)
            continue;
        const size_t from = first + (size_t)((ptrdiff_t)channels * dx);
        memcpy(dst + first, p->pixels + (size_t)(y + dy) * p->row_bytes + from, end - first);
    }
    p->pixels = room;
    p->row_bytes = row_bytes;
}

const AugmentOp PADDED_CROP = {.name = "crop_padding", .on = is_on, .change_picture = change};
