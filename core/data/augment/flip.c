#include "core/data/augment/flip.h"

#include <string.h>

const char *const FLIP_NAMES[] = {
    [FLIP_NONE] = "none", [FLIP_RANDOM] = "random", [FLIP_ALTERNATE] = "alternate", NULL};

static bool is_on(const Augmentation *a)
{
    return a->flip != FLIP_NONE;
}

static bool is_flipped(FlipType type, const DrawKey *key)
{
    const bool alternate = type == FLIP_ALTERNATE;
    const DrawKey first = {key->seed, alternate ? 0 : key->epoch, key->index};
    Draws draws = draws_new(&first, "flip");
    const bool flipped = draw_below(&draws, 2) == 1;
    return alternate && key->epoch % 2 == 1 ? !flipped : flipped;
}

static void mirror_row(const uint8_t *restrict src, uint8_t *restrict dst, size_t width,
                       size_t channels)
{
    for (size_t x = 0; channels == 1 && x < width; x++)
        dst[x] = src[width - 1 - x];
    for (size_t x = 0; channels > 1 && x < width; x++)
        for (size_t c = 0; c < channels; c++)
            dst[x * channels + c] = src[(width - 1 - x) * channels + c];
}

static void change(const Augmentation *a, const DrawKey *key, uint8_t *room, Picture *p)
{
    if (!is_flipped(a->flip, key))
        return;
    const size_t width = (size_t)p->width, channels = (size_t)p->channels;
    for (size_t y = 0; y < (size_t)p->height; y++)
        mirror_row(p->pixels + y * p->row_bytes, room + y * width * channels, width, channels);
    p->pixels = room;
    p->row_bytes = width * channels;
}

const AugmentOp FLIP = {.name = "flip", .on = is_on, .change_picture = change};
