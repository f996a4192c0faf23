/* core/dnn/dnn.h -- oneDNN housekeeping: an engine and a stream, and primitives ready to run.
 *
 * oneDNN's primitives must run on the thread that created them (library-managed scratchpads), so a
 * Dnn, and all that is made with it, stays on one thread.
 *
 * Errors   ERR_DNN, with what was tried and oneDNN's status; ERR_NO_MEMORY when it ran out of
 *          memory.
 */
#pragma once
#include <oneapi/dnnl/dnnl.h>

#include "core/base/error.h"

typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
} Dnn;

bool dnn_new(Dnn **dnn, Error *err);
void dnn_free(Dnn *dnn);  // takes NULL

/* True if `status` is success; else fills `err` with "<what>: <status>". */
bool dnn_try(dnnl_status_t status, const char *what, Error *err);

/* The name of the instruction set that oneDNN will use: "avx512_core_amx". */
const char *dnn_isa_name(void);
/* oneDNN's version: "3.7.2". `text` has room for `size` bytes. */
void dnn_version(char *text, size_t size);

/* An object for numbers that lie in memory of ours, float32 as `desc` says, to be destroyed by the
 * caller; `what` is for messages: "wrap a parameter". */
bool dnn_wrap(const Dnn *dnn, const float *numbers, const_dnnl_memory_desc_t desc, const char *what,
              dnnl_memory_t *memory, Error *err);

/* Attributes of a primitive; all zeros: none. */
typedef struct {
    float sum;           // dst = result + sum * (what dst held)
    bool deterministic;  // equal bits from run to run
} OpAttr;

/* oneDNN's object for them, to be destroyed by the caller; NULL on failure. */
dnnl_primitive_attr_t op_attr_new(OpAttr attr, Error *err);

/* A primitive with its arguments. A zeroed Op is empty; op_free may be called on it. */
typedef struct {
    const Dnn *dnn;
    dnnl_primitive_t primitive;
    const_dnnl_primitive_desc_t desc;  // lives as long as the primitive
    dnnl_exec_arg_t args[8];
    int arg_count;
    const char *what;  // for messages: "conv forward"
} Op;

/* Make the primitive that `desc` describes; destroys `desc`, also on failure. `status` is what
 * creating `desc` returned: if that failed, so does this. Refuses oneDNN's reference
 * implementations ("ref"), which are a thousand times slower than the others. */
bool op_new(Op *op, const Dnn *dnn, const char *what, dnnl_status_t status,
            dnnl_primitive_desc_t desc, Error *err);
void op_free(Op *op);

void op_arg(Op *op, int arg, dnnl_memory_t memory);  // DNNL_ARG_SRC and so on
bool op_run(const Op *op, Error *err);

/* A descriptor that the primitive chose: op_desc(&op, dnnl_query_weights_md). Do not destroy it. */
const_dnnl_memory_desc_t op_desc(const Op *op, dnnl_query_t what);
