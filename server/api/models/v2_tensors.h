/* server/api/models/v2_tensors.h -- tensors of the Open Inference Protocol in JSON. */
#pragma once
#include <cJSON.h>

#include "core/base/error.h"
#include "server/base/faults.h"

enum {
    V2_IMAGES = 256,        // of a request
    V2_NUMBERS = 16 << 20,  // ... of their tensor
    V2_ID = 65,             // bytes of a request's id, with the final NUL
};

typedef enum { V2_PROBABILITIES, V2_LOGITS } V2Output;

typedef struct {
    int channels, side;
} V2Shape;

typedef struct {
    char id[V2_ID];  // "": none
    float *images;   // (count, channels, side, side), 0 to 1
    int count;
    V2Output outputs[2];  // in the order asked for; both where none is named
    int output_count;
} V2Request;

/* False with *err where the body is no JSON, or with faults. */
bool v2_request_read(const char *body, size_t size, const V2Shape *shape, V2Request *r,
                     Faults *faults, Error *err);
void v2_request_free(V2Request *r);  // takes {0}

/* Add "data" to a tensor: `count` rows of logits, or of their softmax. ERR_NUMERIC. */
bool v2_add_data(cJSON *tensor, const float *logits, int count, int classes, bool softmax,
                 Error *err);
