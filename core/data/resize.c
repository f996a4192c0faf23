/* DESIGN
 * One pass along the rows, then one along the columns (core/data/resample). A pass whose size does
 * not change is left out, as Pillow does: its weights would be one 1 each.
 *
 * Weights depend on the length to be resized alone, for rows and columns alike; those of a length
 * are made when it is first met, since random crops come in all lengths.
 */
#include "core/data/resize.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/data/resample/passes.h"

struct Resize {
    Shape src;
    int side;
    Taps *taps;     // (the longer side of src + 1), by length; without weights until it is met
    uint8_t *rows;  // (src.height, side, channels): between the passes
};

static int longest(Shape src)
{
    return src.width > src.height ? src.width : src.height;
}

/* NULL where the length stays as it is. */
static const Taps *taps_for(Resize *r, int length)
{
    Taps *taps = &r->taps[length];
    if (length == r->side)
        return NULL;
    if (!taps->weights)
        taps_init(taps, length, 0, (float)length, r->side, FILTER_BILINEAR);
    return taps;
}

Resize *resize_new(Shape src, int side)
{
    INVARIANT(src.channels >= 1 && src.height >= 1 && src.width >= 1 && side >= 1);
    Resize *r = xcalloc(1, sizeof *r);
    r->src = src;
    r->side = side;
    r->taps = xcalloc((size_t)longest(src) + 1, sizeof *r->taps);
    const size_t row = (size_t)side * (size_t)src.channels;
    r->rows = xcalloc((size_t)src.height * row, 1);
    return r;
}

void resize_free(Resize *r)
{
    if (!r)
        return;
    for (int i = 0; i <= longest(r->src); i++)
        taps_free(&r->taps[i]);
    free(r->taps);
    free(r->rows);
    free(r);
}

void resize_picture(Resize *r, const Picture *src, uint8_t *dst)
{
    INVARIANT(src->channels == r->src.channels && src->height >= 1 && src->width >= 1
              && src->height <= r->src.height && src->width <= r->src.width);
    const size_t dst_row = (size_t)r->side * (size_t)src->channels;
    const Taps *across = taps_for(r, src->width), *down = taps_for(r, src->height);
    const uint8_t *rows = src->pixels;
    size_t row_bytes = src->row_bytes;
    if (across) {
        row_pass(across, src->channels, src->height, src->pixels, src->row_bytes, r->rows, dst_row);
        rows = r->rows;
        row_bytes = dst_row;
    }
    if (down) {
        column_pass(down, dst_row, rows, row_bytes, dst, dst_row);
        return;
    }
    for (int y = 0; y < r->side; y++)
        memcpy(dst + (size_t)y * dst_row, rows + (size_t)y * row_bytes, dst_row);
}
