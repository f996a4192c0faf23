/* core/models/all.h -- the builders of this folder, for the table in models.c alone. */
#pragma once
#include "core/graph/graph.h"
#include "core/models/options.h"

Node googlenet(Graph *g, Node x, ModelOptions o);
Node googlenet_tiny(Graph *g, Node x, ModelOptions o);
Node googlenet_bn(Graph *g, Node x, ModelOptions o);
Node googlenet_v2(Graph *g, Node x, ModelOptions o);
Node googlenet_residual(Graph *g, Node x, ModelOptions o);
Node googlenet_torchvision(Graph *g, Node x, ModelOptions o);
Node inception_v3(Graph *g, Node x, ModelOptions o);
Node resnet8(Graph *g, Node x, ModelOptions o);
Node wide_resnet8(Graph *g, Node x, ModelOptions o);
Node wide_resnet16(Graph *g, Node x, ModelOptions o);
Node resnet18(Graph *g, Node x, ModelOptions o);
Node resnet50(Graph *g, Node x, ModelOptions o);
Node alexnet(Graph *g, Node x, ModelOptions o);
Node vgg11(Graph *g, Node x, ModelOptions o);
Node nin(Graph *g, Node x, ModelOptions o);
