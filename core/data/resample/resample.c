#include "core/data/resample/resample.h"

#include <stdlib.h>
#include <string.h>

#include "core/data/resample/passes.h"

static void copy_rows(const Picture *src, uint8_t *dst, size_t dst_row_bytes)
{
    for (int y = 0; y < src->height; y++)
        memcpy(dst + (size_t)y * dst_row_bytes, src->pixels + (size_t)y * src->row_bytes,
               (size_t)src->width * (size_t)src->channels);
}

/* Both passes; the first only over rows that the second reads. */
static bool both(const Picture *src, const Taps *across, Taps *down, uint8_t *dst,
                 size_t dst_row_bytes, Error *err)
{
    int first = src->height, end = 0;
    for (int i = 0; i < down->size; i++) {
        const int last = down->first[i] + down->count[i];
        first = down->first[i] < first ? down->first[i] : first;
        end = last > end ? last : end;
    }
    const size_t row = (size_t)across->size * (size_t)src->channels;
    uint8_t *rows = malloc((size_t)(end - first) * row);
    if (!rows)
        return fail(err, ERR_NO_MEMORY, "no memory to resize a picture of %d x %d pixels",
                    src->width, src->height);
    row_pass(across, src->channels, end - first, src->pixels + (size_t)first * src->row_bytes,
             src->row_bytes, rows, row);
    for (int i = 0; i < down->size; i++)
        down->first[i] -= first;
    column_pass(down, row, rows, row, dst, dst_row_bytes);
    free(rows);
    return true;
}

bool resample(const Picture *src, const ResampleBox *box, Filter filter, int width, int height,
              uint8_t *dst, size_t dst_row_bytes, Error *err)
{
    const bool across_needed = width != src->width || box->left != 0 || box->right != (float)width;
    const bool down_needed = height != src->height || box->top != 0 || box->bottom != (float)height;
    Taps across = {0}, down = {0};
    bool ok = true;
    if (across_needed)
        taps_init(&across, src->width, box->left, box->right, width, filter);
    if (down_needed)
        taps_init(&down, src->height, box->top, box->bottom, height, filter);

    if (across_needed && down_needed)
        ok = both(src, &across, &down, dst, dst_row_bytes, err);
    else if (across_needed)
        row_pass(&across, src->channels, height, src->pixels, src->row_bytes, dst, dst_row_bytes);
    else if (down_needed)
        column_pass(&down, (size_t)width * (size_t)src->channels, src->pixels, src->row_bytes, dst,
                    dst_row_bytes);
    else
        copy_rows(src, dst, dst_row_bytes);
    taps_free(&across);
    taps_free(&down);
    return ok;
}
