/* core/layers/pooling.h -- oneDNN's pooling primitive, for averages: its maximum drops NaNs. */
#pragma once
#include "core/graph/window.h"
#include "core/layers/layer.h"

/* The LayerOps of a pooling layer; its own `create` calls pooling_create with the algorithm
 * and the window, rounded down. */
bool pooling_create(Layer *l, dnnl_alg_kind_t algorithm, const Window *window, Error *err);
bool pooling_forward(Layer *l, Error *err);
bool pooling_backward_data(Layer *l, Error *err);
void pooling_destroy(Layer *l);
