/* core/graph/window.h -- the window of a convolution or a pooling: what it may be, and what it
 * gives. */
#pragma once
#include "core/base/error.h"
#include "core/graph/shape.h"

typedef struct {
    int kernel;    // rows of the window
    int stride;    // 0 means 1
    int pad;       // on each side
    int kernel_w;  // columns; 0: the window is a square, and stride and pad are those of both ways
    int stride_w;  // 0 means 1
    int pad_w;
} Window;

/* A `window` among the fields of a layer's config, whose own fields can be named without it, so
 * that a model says `(Conv){.out = 64, .kernel = 3, .pad = 1}`. */
#define WINDOW_FIELDS                                                                              \
    union {                                                                                        \
        Window window;                                                                             \
        struct {                                                                                   \
            int kernel, stride, pad, kernel_w, stride_w, pad_w;                                    \
        };                                                                                         \
    }

/* With what its zeros mean in their place. */
Window window_resolve(Window w);

/* dst is ((src + 2*pad - kernel) / stride + 1) both ways, rounded down, of a resolved window.
 * ERR_INVALID: kernel or stride below 1, pad below 0, kernel larger than the padded image. */
bool window_dst(const Window *w, Shape src, Shape *dst, Error *err);

/* The same for a pooling. With `ceil`, dst is rounded up, but without a window that would begin in
 * the pad behind the image, as PyTorch has it. ERR_INVALID: also a pad of more than half the
 * kernel. */
bool window_dst_pooled(const Window *w, bool ceil, Shape src, Shape *dst, Error *err);
