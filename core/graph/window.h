/* core/graph/window.h -- the window of a pooling: what it may be, and what it gives. */
#pragma once
#include "core/base/error.h"
#include "core/graph/shape.h"

enum { ROWS, COLUMNS };  // indices of what a window has both ways

typedef struct {
    int kernel[2];
    int stride[2];
    int pad[2];  // on each side
    bool ceil;  // the last window may reach over the padded image, if it begins before its last pad
} Window;

/* dst is ((src + 2*pad - kernel) / stride + 1) both ways, rounded down; with `ceil`, rounded up,
 * but without a window that would begin in the pad behind the image, as PyTorch has it.
 * ERR_INVALID: kernel or stride below 1, pad below 0 or more than half the kernel, kernel larger
 * than the padded image. */
bool window_dst(const Window *w, Shape src, Shape *dst, Error *err);

enum { WINDOW_TEXT = 32 };

/* "3", or "1 x 7" */
const char *window_text(int rows, int columns, char text[WINDOW_TEXT]);
