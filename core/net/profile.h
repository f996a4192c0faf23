/* core/net/profile.h -- where the time of a step goes. */
#pragma once

/* Seconds spent in one node, added up over the runs. */
typedef struct {
    double forward;
    double backward_begin;
    double backward_weights;
    double backward_data;
} NodeTimes;

/* Attach one to a Net with net_set_profile. */
typedef struct {
    NodeTimes *nodes;    // one for each node of net_graph
    double input;        // copying images in
    double load_params;  // copying parameters into the primitives' layouts
    double loss;
    double flush_grads;  // bringing accumulated gradients to the store
} Profile;
