/* core/graph/shape.h -- the shape of one image or feature map, without the batch. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int channels;
    int height;
    int width;
} Shape;

static inline size_t shape_count(Shape s)
{
    return (size_t)s.channels * (size_t)s.height * (size_t)s.width;
}

static inline bool shape_equal(Shape a, Shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

/* Where the pixel (c, y, x) is. */
static inline size_t shape_at(Shape s, int c, int y, int x)
{
    return ((size_t)c * (size_t)s.height + (size_t)y) * (size_t)s.width + (size_t)x;
}
