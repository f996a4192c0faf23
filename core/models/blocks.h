/* core/models/blocks.h -- blocks that several models share. */
#pragma once
#include "core/graph/graph.h"
#include "core/layers/conv.h"
#include "core/models/options.h"

/* A convolution named `name` and its ReLU. */
Node conv_relu(Graph *g, Node x, const char *name, Conv c);

/* Szegedy et al. 2015, Figure 2(b): four views of the same input, joined along the channels. */
Node inception(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* The channels of the block `name`, which are `own` unless the options give others; what was taken
 * is noted in options.built. For builders of blocks. */
Inception block_channels(ModelOptions o, const char *name, Inception own);
