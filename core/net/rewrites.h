/* core/net/rewrites.h -- graph to graph: the same function, in a form that runs faster.
 *
 * Each returns a new graph whose nodes keep the names of those they came from, so that parameters
 * are found under the same names. None changes what the network computes, but for rounding.
 */
#pragma once
#include "core/graph/graph.h"

/* A conv whose only reader is a relu takes it in: one pass over memory less in each direction. */
Graph *rewrite_fold_relu(const Graph *g);

/* A value with several readers gets a fork behind it, where their gradients are added up. Training
 * needs this one: see core/layers/layer.h. */
Graph *rewrite_insert_forks(const Graph *g);

/* How many nodes read `n`. */
int graph_readers(const Graph *g, Node n);
