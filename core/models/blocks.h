/* core/models/blocks.h -- blocks that several models share. */
#pragma once
#include "core/graph/graph.h"
#include "core/layers/conv/conv.h"
#include "core/layers/linear.h"
#include "core/models/options.h"

/* A convolution named `name` and its ReLU. */
Node conv_relu(Graph *g, Node x, const char *name, Conv c);

/* A linear layer named `name` and its ReLU. */
Node linear_relu(Graph *g, Node x, const char *name, Linear c);

/* A convolution without bias, and batch normalisation. */
Node conv_bn(Graph *g, Node x, const char *conv_name, const char *bn_name, Conv c);

/* The same as a module `name` of `conv` and `bn`, with ReLU. */
Node conv_bn_relu(Graph *g, Node x, const char *name, Conv c);

/* torchvision's BasicConv2d: conv_bn_relu whose normalisation has an eps of 0.001. */
Node basic_conv(Graph *g, Node x, const char *name, Conv c);

/* Szegedy et al. 2015, Figure 2(b): four views of the same input, joined along the channels. */
Node inception(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* The same with batch normalisation after every convolution. */
Node inception_bn(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* The channels of the block `name`, which are `own` unless the options give others; what was taken
 * is noted in options.built. For builders of blocks. */
Inception block_channels(ModelOptions o, const char *name, Inception own);
