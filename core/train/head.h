/* core/train/head.h -- the head of a network: the part that depends on the number of classes.
 *
 * It begins with the first node whose parameters have other shapes for another number of classes,
 * and goes on to the output: the last linear layer or, of the network in network, the last three
 * convolutions. All before it are the features.
 */
#pragma once
#include "core/dnn/params.h"
#include "core/models/models.h"

typedef struct {
    char node[GRAPH_MAX_NAME];  // its first
    int first_param;            // of the store: it has all from there on
    // Where its numbers begin among the store's weights, among what else is trained and among the
    // running statistics: it has the rest of each.
    size_t weights, others, statistics;
} Head;

/* Its first node in the model's graph. */
Node head_node(const Model *model, const Graph *g, const BlockList *blocks);
/* `g` is the model's graph, `params` are its parameters. */
Head head_find(const Model *model, const Graph *g, const BlockList *blocks,
               const ParamStore *params);
