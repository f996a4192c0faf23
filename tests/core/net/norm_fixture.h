/* tests/core/net/norm_fixture.h -- a small network with batch normalisation after each convolution,
 * in the shape of GoogLeNet, and a net that runs it. */
#pragma once
#include "core/net/net.h"

enum { NORM_SIDE = 14, NORM_CLASSES = 5, NORM_BATCH = 9 };

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    float *images;
    int32_t labels[NORM_BATCH];
} NormFixture;

Graph *norm_graph(void);
/* With weights and running statistics that are not those of the start. */
NormFixture norm_fixture_new(NetConfig config);
void norm_fixture_free(NormFixture *f);
Metrics norm_train(NormFixture *f, int count);
