/* core/models/blocks.h -- blocks that several models share. */
#pragma once
#include "core/graph/graph.h"
#include "core/layers/conv.h"

/* A convolution named `name` and its ReLU. */
Node conv_relu(Graph *g, Node x, const char *name, Conv c);

typedef struct {
    int c1;     // 1x1
    int c2[2];  // 1x1, then 3x3
    int c3[2];  // 1x1, then 5x5
    int c4;     // 3x3 max pool, then 1x1
} Inception;

/* Szegedy et al. 2015, Figure 2(b): four views of the same input, joined along the channels. */
Node inception(Graph *g, Node x, const char *name, Inception c);
