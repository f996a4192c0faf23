/* core/net/memory_plan.h -- which blocks of memory a program needs, how large they are, and when
 * each is in use. From a graph alone: a program makes its tensors from it, and the estimate of a
 * training's memory adds it up.
 *
 * Time is counted in steps: node i runs forward at step i, the loss at step N, and node i backward
 * at step 2N - i.
 */
#pragma once
#include "core/graph/graph.h"
#include "core/net/plan.h"

typedef struct {
    int batch;        // examples
    bool training;    // false: forward only
    bool bf16;        // values and gradients; else float32
    bool diff_input;  // also the gradient of the input
    bool views;       // values may be parts of others, so that concat and slice copy nothing
    bool keep_all;    // each block has memory to itself; else it is reused after its time
    Node train_from;  // parameters of the nodes before it need no gradient
} MemoryPlanConfig;

typedef enum {
    PLAN_VALUE,      // of `node`
    PLAN_OUTPUT,     // the last node's value in float32, where its layer does not give that
    PLAN_GRADIENT,   // of the value of `node`
    PLAN_WORKSPACE,  // what the layer of `node` keeps from forward to backward
} PlanKind;

typedef struct {
    PlanKind kind;
    Node node;
    bool bf16;     // its type, else float32; without meaning for a workspace
    size_t bytes;  // none of its own where it is a part of another
    size_t offset;
    int part_of;  // the block whose channels from `first` on it is; -1: it is one of its own
    int first;
    Lifetime life;
} PlanBlock;

typedef struct {
    PlanBlock *blocks;
    int count;
    int *value;      // by node: the block of its value; a fork has that of its source
    int *diff_src;   // by node and source, GRAPH_MAX_SRCS each: the block of the gradient that it
                     // gives, -1 where none is needed
    bool *has_grad;  // by node: a parameter that needs a gradient stands at it or before it
    int output;
    int diff_output;  // -1 without training
    size_t bytes;     // of the arena that all blocks fit in
} MemoryPlan;

/* Whether our own kernels, which take views, compute most convolutions on this CPU. Elsewhere
 * oneDNN does, and would have to copy what concat and slice do not. */
bool memory_plan_views_pay(bool bf16);

/* `g` has forks where values are read more than once. */
MemoryPlan *memory_plan_new(const Graph *g, MemoryPlanConfig config);
void memory_plan_free(MemoryPlan *plan);  // takes NULL
