/* core/net/folded.h -- a network as evaluation runs it: without the batch norms that follow a
 * convolution.
 *
 *   weight'[o] = s[o] * weight[o],  bias'[o] = s[o] * (bias[o] - mean[o]) + shift[o],
 *   s[o] = scale[o] / sqrt(variance[o] + eps), with the running statistics
 *
 * Parameters that this changes live in a store of its own, which is computed again when those of
 * the training have changed.
 *
 * Errors   ERR_NO_MEMORY.
 */
#pragma once
#include "core/dnn/params.h"

typedef struct Folded Folded;

/* A graph where a conv that only a batch_norm reads has a bias, and the batch_norm is gone. Its
 * parameters are those of a Folded, and it is not to be trained. Before the other rewrites. */
Graph *rewrite_fold_batch_norm(const Graph *g);

/* *f becomes NULL where there is nothing to fold. `g` is as a model made it; borrows its
 * parameters. */
bool folded_new(const Graph *g, const ParamStore *params, Folded **f, Error *err);
void folded_free(Folded *f);  // takes NULL

/* The graph that rewrite_fold_batch_norm gave, and its parameters. */
const Graph *folded_graph(const Folded *f);
ParamStore *folded_params(const Folded *f);

/* Compute them from the training's parameters, of that version, unless it was done. */
void folded_update(Folded *f, int64_t version);
