/* core/graph/layer_type.h -- a kind of layer, and what it says of a node: shape, parameters, costs,
 * and what its backward pass needs. */
#pragma once
#include <stdint.h>

#include "core/base/error.h"
#include "core/graph/shape.h"

enum {
    GRAPH_MAX_PARAMS = 5,  // parameters of one node
    GRAPH_MAX_DIMS = 4,    // dimensions of one parameter
};

/* What a parameter is there for: it decides how it starts, whether it decays, and whether the
 * optimizer moves it at all. */
typedef enum {
    ROLE_WEIGHT,    // of a convolution or a linear layer
    ROLE_BIAS,      // added to what its weights give
    ROLE_SCALE,     // of a normalisation: starts at 1
    ROLE_SHIFT,     // of a normalisation: starts at 0
    ROLE_MEAN,      // a running statistic: not moved by the optimizer; starts at 0
    ROLE_VARIANCE,  // likewise; starts at 1
    ROLE_COUNTER,   // whole numbers, not moved by the optimizer; starts at 0
} ParamRole;

/* Whether the optimizer moves it: it has a gradient, and counts as a parameter of the network. */
static inline bool role_is_trained(ParamRole role)
{
    return role <= ROLE_SHIFT;
}

/* A parameter as a node asks for it. */
typedef struct {
    const char *name;  // "weight", "bias"
    ParamRole role;
    int dims[GRAPH_MAX_DIMS];  // OIHW for a convolution, (out, in) for a linear layer
    int dim_count;
    int fan_in;   // inputs that one output sums over
    int fan_out;  // outputs that one input reaches
} ParamSpec;

/* What `describe` says of a node: its shape, its parameters, and what its backward pass needs. */
typedef struct {
    Shape dst;
    ParamSpec params[GRAPH_MAX_PARAMS];
    int param_count;
    int64_t multiply_adds;    // forward, one example
    bool backward_needs_src;  // the backward pass reads the values of the sources
    bool backward_needs_dst;  // ... of the destination
    bool dst_is_src;          // the destination shares the memory of the first source
    bool evaluates_to_src;    // ... and in evaluation alone
    bool couples_examples;    // what an example gives depends on the others of its batch
    bool by_channel;          // a channel of dst depends on that channel of src alone
    int part_first;           // the backward pass writes only these channels of diff_src, and other
    int part_channels;        // readers the rest; 0 channels: it writes all of it
} LayerSpec;

struct LayerOps;  // how the layer runs: core/layers/layer.h

/* A kind of layer. Each file in core/layers has one, static and const. */
typedef struct {
    const char *name;     // "conv", "max_pool"
    size_t config_bytes;  // size of the struct that configures a node
    /* Fill *spec from the shapes of the sources; ERR_INVALID when they do not fit. */
    bool (*describe)(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err);
    const struct LayerOps *ops;
} LayerType;
