/* core/net/net_private.h -- what the files of a Net share. */
#pragma once
#include "core/layers/softmax_loss.h"
#include "core/net/folded.h"
#include "core/net/net.h"
#include "core/net/program.h"

/* A program and what it has loaded. */
typedef struct {
    int count;
    bool training;
    int part;  // of the batch, and its arena; 0 but for net_train_parts
    Program *program;
    int64_t version;  // of the parameters it has loaded
    bool placed;
} Bound;

typedef struct {
    void *memory;
    size_t bytes;
} Arena;

struct Net {
    Graph *graph;  // of training, after the rewrites
    ParamStore *params;
    Folded *folded;        // NULL: evaluation runs the same graph
    Graph *evaluation;     // that of `folded`, after the rewrites; NULL without
    int micro_batches[2];  // of evaluation and of training
    Node train_from;
    Dnn *dnn;
    NetConfig config;
    int classes;
    size_t image_count;  // numbers in one image
    float *diff_logits;  // micro-batch x classes
    Bound *bound;
    int bound_count;
    Arena arenas[NET_MAX_PARTS];
    Shared *shared;  // its version is that of the parameters
    Profile *profile;
};

/* A program for `count` examples, placed in the part's arena and with the current parameters. NULL
 * on failure. */
Program *net_program(Net *net, int count, bool training, int part, Error *err);
/* oneDNN only says that memory ran out: add how much the network is known to need. Returns NULL. */
Program *net_no_program(const Net *net, const Program *p, Error *err);

/* The loss of the part of a batch that begins with example `first`, with the scale of the whole. */
SoftmaxLoss net_loss_of(const Net *net, const NetBatch *batch, int first);

/* Tell of each gradient of a node where it lies in the store. */
typedef void NetGradient(void *context, size_t first, size_t count);
void net_each_gradient(const Net *net, Node n, NetGradient *told, void *context);
