/* core/layers/weighted.h -- a layer with weights and perhaps a bias on oneDNN: three primitives,
 * and the parameters in the layouts that those want.
 *
 * A layer's `create` calls weighted_new, then describes its primitives one by one and hands each
 * description over. The other functions are its LayerOps as they are.
 */
#pragma once
#include "core/dnn/packed.h"
#include "core/layers/layer.h"

typedef struct {
    Op forward, backward_data, backward_weights;
    Packed weights, weights_backward, bias;
    PackedGrad diff_weights, diff_bias;
    // What the primitives are described with.
    dnnl_memory_desc_t plain_weights;  // OIHW float32, as in the store
    dnnl_memory_desc_t any_weights;    // the activations' type, layout for the primitive to choose
    dnnl_memory_desc_t any_diff_weights;  // float32, layout for the primitive to choose
    dnnl_memory_desc_t bias_desc;         // NULL without a bias
} Weighted;

/* Sets l->state: `state_bytes` of zeros that begin with a Weighted. */
bool weighted_new(Layer *l, size_t state_bytes, int in, int height, int width, Error *err);

/* Take over what describing a primitive returned and make it; `what` is for messages. The forward
 * one comes first: the others take it as a hint. */
bool weighted_set_forward(Layer *l, const char *what, dnnl_status_t status,
                          dnnl_primitive_desc_t desc, Error *err);
bool weighted_set_backward_data(Layer *l, const char *what, dnnl_status_t status,
                                dnnl_primitive_desc_t desc, Error *err);
bool weighted_set_backward_weights(Layer *l, const char *what, dnnl_status_t status,
                                   dnnl_primitive_desc_t desc, Error *err);

bool weighted_load_params(Layer *l, Error *err);
bool weighted_forward(Layer *l, Error *err);
bool weighted_backward_weights(Layer *l, Error *err);
bool weighted_backward_data(Layer *l, Error *err);
void weighted_destroy(Layer *l);
