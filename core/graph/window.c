#include "core/graph/window.h"

#include <stdio.h>

#define TEXT(pair) window_text((pair)[ROWS], (pair)[COLUMNS], (char[WINDOW_TEXT]){0})

const char *window_text(int rows, int columns, char text[WINDOW_TEXT])
{
    if (rows == columns)
        snprintf(text, WINDOW_TEXT, "%d", rows);
    else
        snprintf(text, WINDOW_TEXT, "%d x %d", rows, columns);
    return text;
}

static bool any_below(const int pair[2], int least)
{
    return pair[ROWS] < least || pair[COLUMNS] < least;
}

/* Windows along one side of an image of `src` pixels. */
static int windows(const Window *w, int way, int src)
{
    const int stride = w->stride[way], before = src + w->pad[way];
    const int spare = before + w->pad[way] - w->kernel[way];
    const int count = (spare + (w->ceil ? stride - 1 : 0)) / stride + 1;
    return (count - 1) * stride >= before ? count - 1 : count;
}

bool window_dst(const Window *w, Shape src, Shape *dst, Error *err)
{
    const int *kernel = w->kernel, *pad = w->pad;
    if (any_below(kernel, 1))
        return fail(err, ERR_INVALID, "kernel must be 1 or more, got %s", TEXT(kernel));
    if (any_below(w->stride, 1))
        return fail(err, ERR_INVALID, "stride must be 1 or more, got %s", TEXT(w->stride));
    if (any_below(pad, 0) || 2 * pad[ROWS] > kernel[ROWS] || 2 * pad[COLUMNS] > kernel[COLUMNS])
        return fail(err, ERR_INVALID, "pad must be 0 to half the kernel of %s, got %s",
                    TEXT(kernel), TEXT(pad));
    const int height = src.height + 2 * pad[ROWS], width = src.width + 2 * pad[COLUMNS];
    if (kernel[ROWS] > height || kernel[COLUMNS] > width)
        return fail(err, ERR_INVALID, "kernel %s is larger than the padded image of %d x %d",
                    TEXT(kernel), height, width);
    *dst = (Shape){src.channels, windows(w, ROWS, src.height), windows(w, COLUMNS, src.width)};
    return true;
}
