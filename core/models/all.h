/* core/models/all.h -- one builder per file in this folder, for the table in models.c alone. */
#pragma once
#include "core/graph/graph.h"
#include "core/models/options.h"

Node googlenet(Graph *g, Node x, ModelOptions o);
Node googlenet_tiny(Graph *g, Node x, ModelOptions o);
