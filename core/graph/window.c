#include "core/graph/window.h"

#include <stdio.h>

enum { PAIR_TEXT = 32 };

/* "3", or "1 x 7" */
#define PAIR(member) pair_text(w->member, w->member##_w, (char[PAIR_TEXT]){0})

static const char *pair_text(int rows, int columns, char text[PAIR_TEXT])
{
    if (rows == columns)
        snprintf(text, PAIR_TEXT, "%d", rows);
    else
        snprintf(text, PAIR_TEXT, "%d x %d", rows, columns);
    return text;
}

Window window_resolve(Window w)
{
    if (w.kernel_w == 0) {
        w.kernel_w = w.kernel;
        w.stride_w = w.stride;
        w.pad_w = w.pad;
    }
    w.stride = w.stride == 0 ? 1 : w.stride;
    w.stride_w = w.stride_w == 0 ? 1 : w.stride_w;
    return w;
}

static bool check_kernel_and_stride(const Window *w, Error *err)
{
    if (w->kernel < 1 || w->kernel_w < 1)
        return fail(err, ERR_INVALID, "kernel must be 1 or more, got %s", PAIR(kernel));
    if (w->stride < 1 || w->stride_w < 1)
        return fail(err, ERR_INVALID, "stride must be 1 or more, got %s", PAIR(stride));
    return true;
}

static bool check_size(const Window *w, Shape src, Error *err)
{
    const int height = src.height + 2 * w->pad, width = src.width + 2 * w->pad_w;
    if (w->kernel <= height && w->kernel_w <= width)
        return true;
    return fail(err, ERR_INVALID, "kernel %s is larger than the padded image of %d x %d",
                PAIR(kernel), height, width);
}

/* Windows along one side of an image of `src` pixels. */
static int windows(int src, int kernel, int stride, int pad, bool ceil)
{
    const int before = src + pad, spare = before + pad - kernel;
    const int count = (spare + (ceil ? stride - 1 : 0)) / stride + 1;
    return ceil && (count - 1) * stride >= before ? count - 1 : count;
}

static Shape count_windows(const Window *w, bool ceil, Shape src)
{
    return (Shape){src.channels, windows(src.height, w->kernel, w->stride, w->pad, ceil),
                   windows(src.width, w->kernel_w, w->stride_w, w->pad_w, ceil)};
}

bool window_dst(const Window *w, Shape src, Shape *dst, Error *err)
{
    if (!check_kernel_and_stride(w, err))
        return false;
    if (w->pad < 0 || w->pad_w < 0)
        return fail(err, ERR_INVALID, "pad must be 0 or more, got %s", PAIR(pad));
    if (!check_size(w, src, err))
        return false;
    *dst = count_windows(w, false, src);
    return true;
}

bool window_dst_pooled(const Window *w, bool ceil, Shape src, Shape *dst, Error *err)
{
    if (!check_kernel_and_stride(w, err))
        return false;
    if (w->pad < 0 || w->pad_w < 0 || 2 * w->pad > w->kernel || 2 * w->pad_w > w->kernel_w)
        return fail(err, ERR_INVALID, "pad must be 0 to half the kernel of %s, got %s",
                    PAIR(kernel), PAIR(pad));
    if (!check_size(w, src, err))
        return false;
    *dst = count_windows(w, ceil, src);
    return true;
}
