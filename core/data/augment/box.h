/* core/data/augment/box.h -- random rectangles within a picture, as torchvision draws them. */
#pragma once
#include <stdbool.h>

#include "core/data/augment/draws.h"

typedef struct {
    int top, left, height, width;
} Box;

typedef struct {
    double scale[2];  // least and largest share of the area
    double ratio[2];  // least and largest width / height
    bool smaller;     // than the picture both ways; else it may be as high or as wide
} BoxRule;

/* A share of the area uniform in `scale`, width / height uniform in the logarithm of `ratio`, sides
 * rounded to whole ones, half to even; at a place where it fits. False: ten of ten did not fit. */
bool draw_box(Draws *d, const BoxRule *rule, int height, int width, Box *box);

/* The largest box in the middle whose width / height is within `ratio`. */
Box middle_box(const double ratio[2], int height, int width);
