/* core/layers/pooling.h -- oneDNN's pooling primitive, for averages: its maximum drops NaNs. */
#pragma once
#include "core/layers/layer.h"

typedef struct {
    dnnl_alg_kind_t algorithm;
    int kernel[2];  // height, width
    int stride;
    int pad;
} PoolWindow;

/* The LayerOps of a pooling layer; its own `create` calls pooling_create with the window. */
bool pooling_create(Layer *l, PoolWindow window, Error *err);
bool pooling_forward(Layer *l, Error *err);
bool pooling_backward_data(Layer *l, Error *err);
void pooling_destroy(Layer *l);
