/* core/net/program.h -- a graph bound to one batch size: layers, tensors and the order they run in.
 *
 * A Net keeps a program for each size that it meets (a whole micro-batch, the rest of a batch,
 * the same without backward) and lends them one arena, since only one runs at a time.
 *
 * Errors   ERR_DNN, ERR_NO_MEMORY; ERR_STOPPED, from program_new: go_on said no.
 */
#pragma once
#include "core/layers/layer.h"
#include "core/net/profile.h"

typedef struct Program Program;

typedef struct {
    int batch;              // examples
    bool training;          // false: forward only, and values are dropped as soon as they are read
    dnnl_data_type_t type;  // of values and gradients; the output is given in float32
    bool diff_input;        // also compute the gradient of the input
    Shared *shared;         // with the other programs of the net
    Autotune *autotune;     // which kernels to use; NULL: oneDNN's alone
    bool (*go_on)(void *);  // asked while kernels are measured; NULL: always
    void *go_on_context;
    int kernels_of;     // examples of the part whose kernels are used; 0: `batch`
    int runs_per_load;  // how often it runs until the parameters change, about
    bool views;         // concat and slice copy nothing where layers take views
    bool keep_all;      // each tensor has memory to itself; else it is reused by lifetime
    Node train_from;    // the nodes before it are frozen: see NetConfig.train_from
    bool synced;        // one of several that compute a batch together: see core/net/net_synced.c
} ProgramConfig;

/* `g` must have forks where values are read more than once (rewrite_insert_forks). Borrows the
 * graph, the parameters and `dnn`. Measures kernels that `autotune` does not know, which takes
 * seconds for a large net. */
bool program_new(const Graph *g, ParamStore *params, const Dnn *dnn, ProgramConfig config,
                 Program **program, Error *err);
void program_free(Program *p);  // takes NULL

/* The memory it needs, and where it is: 64-byte aligned. */
size_t program_arena_bytes(const Program *p);
bool program_place(Program *p, void *arena, Error *err);

/* Copy the parameters from the store; needed when they have changed. */
bool program_load_params(Program *p, Error *err);

/* input -> output, of the part of a batch that `step` says. `profile` may be NULL. */
bool program_forward(Program *p, StepContext step, Profile *profile, Error *err);

/* The same in pieces: begin, nodes [first, end) in order, end. */
void program_begin(Program *p, StepContext step);
bool program_forward_nodes(Program *p, Node first, Node end, Profile *profile, Error *err);
void program_end_forward(Program *p);

/* Called when the backward pass has been through a node; a node without parameters too. */
typedef void (*ProgramNodeDone)(void *context, Node n);

/* diff_output -> gradients: those of a new batch after grad_accumulators_begin, else added to the
 * gradients of this batch. Of the same part as the program_forward before it. `done` may be NULL.
 */
bool program_backward(Program *p, ProgramNodeDone done, void *context, Profile *profile,
                      Error *err);
/* Of nodes from `last` down to `first`. */
bool program_backward_nodes(Program *p, Node last, Node first, ProgramNodeDone done, void *context,
                            Profile *profile, Error *err);
/* Node n, where it is synced: see LayerSync. */
Layer *program_layer(Program *p, Node n);
/* When the last part of a batch has been through node n: flush what was accumulated elsewhere of
 * its gradients to the store. */
void program_flush_grads(Program *p, Node n);
/* After the batch that it computed as a whole: see LayerOps.commit. */
void program_commit(Program *p);

/* What computes forward, backward data and backward weights of node n; NULL where it makes no
 * difference. */
void program_name_kernels(const Program *p, Node n, const char *names[3]);

Tensor *program_input(const Program *p);
Tensor *program_output(const Program *p);       // batch x classes
Tensor *program_diff_output(const Program *p);  // NULL without training
Tensor *program_diff_input(const Program *p);   // NULL unless asked for
