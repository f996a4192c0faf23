#include "core/dnn/dnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"

bool dnn_try(dnnl_status_t status, const char *what, Error *err)
{
    switch (status) {
    case dnnl_success:
        return true;
    case dnnl_out_of_memory:
        return fail(err, ERR_NO_MEMORY, "%s: oneDNN ran out of memory", what);
    case dnnl_unimplemented:
        return fail(err, ERR_DNN, "%s: oneDNN has no implementation for it on this CPU", what);
    case dnnl_invalid_arguments:
        return fail(err, ERR_DNN, "%s: oneDNN calls the arguments invalid", what);
    default:
        return fail(err, ERR_DNN, "%s: oneDNN returned status %d", what, (int)status);
    }
}

bool dnn_new(Dnn **result, Error *err)
{
    // ONEDNN_DEFAULT_FPMATH_MODE would make float32 something less, and other bits.
    dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_strict);
    Dnn *dnn = xcalloc(1, sizeof *dnn);
    if (!dnn_try(dnnl_engine_create(&dnn->engine, dnnl_cpu, 0), "create the CPU engine", err)
        || !dnn_try(dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags),
                    "create the stream", err)) {
        dnn_free(dnn);
        return false;
    }
    *result = dnn;
    return true;
}

void dnn_free(Dnn *dnn)
{
    if (!dnn)
        return;
    if (dnn->stream)
        dnnl_stream_destroy(dnn->stream);
    if (dnn->engine)
        dnnl_engine_destroy(dnn->engine);
    free(dnn);
}

const char *dnn_isa_name(void)
{
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } NAMES[] = {
        {dnnl_cpu_isa_sse41, "sse41"},
        {dnnl_cpu_isa_avx, "avx"},
        {dnnl_cpu_isa_avx2, "avx2"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
        {dnnl_cpu_isa_avx2_vnni_2, "avx2_vnni_2"},
        {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
        {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_fp16, "avx512_core_fp16"},
        {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
        {dnnl_cpu_isa_avx512_core_amx_fp16, "avx512_core_amx_fp16"},
    };
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        if (NAMES[i].isa == isa)
            return NAMES[i].name;
    }
    return "generic";
}

void dnn_version(char *text, size_t size)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, size, "%d.%d.%d", v->major, v->minor, v->patch);
}

bool dnn_wrap(const Dnn *dnn, const float *numbers, const_dnnl_memory_desc_t desc, const char *what,
              dnnl_memory_t *memory, Error *err)
{
    return dnn_try(dnnl_memory_create(memory, desc, dnn->engine, (void *)numbers), what, err);
}

static dnnl_status_t append_post_ops(dnnl_post_ops_t ops, OpAttr attr)
{
    return attr.sum == 0 ? dnnl_success
                         : dnnl_post_ops_append_sum(ops, attr.sum, 0, dnnl_data_type_undef);
}

dnnl_primitive_attr_t op_attr_new(OpAttr attr, Error *err)
{
    dnnl_primitive_attr_t made = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&made);
    if (status == dnnl_success)
        status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success)
        status = append_post_ops(ops, attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(made, ops);
    if (status == dnnl_success && attr.deterministic)
        status = dnnl_primitive_attr_set_deterministic(made, 1);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (dnn_try(status, "create attributes", err))
        return made;
    if (made)
        dnnl_primitive_attr_destroy(made);
    return NULL;
}

/* oneDNN's name of the implementation: "brgconv:avx512_core". */
static const char *implementation(const Op *op)
{
    const char *name = NULL;
    dnnl_primitive_desc_query(op->desc, dnnl_query_impl_info_str, 0, &name);
    return name ? name : "unknown";
}

bool op_new(Op *op, const Dnn *dnn, const char *what, dnnl_status_t status,
            dnnl_primitive_desc_t desc, Error *err)
{
    if (!dnn_try(status, what, err))
        return false;
    Op made = {.dnn = dnn, .what = what};
    bool ok = dnn_try(dnnl_primitive_create(&made.primitive, desc), what, err);
    dnnl_primitive_desc_destroy(desc);
    if (!ok)
        return false;
    *op = made;
    ok = dnn_try(dnnl_primitive_get_primitive_desc(op->primitive, &op->desc), what, err);
    if (ok && strncmp(implementation(op), "ref", 3) == 0)
        ok = fail(err, ERR_DNN, "%s: oneDNN has only its slow reference implementation (%s)", what,
                  implementation(op));
    if (!ok)
        op_free(op);
    return ok;
}

void op_free(Op *op)
{
    if (op->primitive)
        dnnl_primitive_destroy(op->primitive);
    *op = (Op){0};
}

void op_arg(Op *op, int arg, dnnl_memory_t memory)
{
    INVARIANT((size_t)op->arg_count < COUNT(op->args));
    op->args[op->arg_count++] = (dnnl_exec_arg_t){arg, memory};
}

bool op_run(const Op *op, Error *err)
{
    return dnn_try(dnnl_primitive_execute(op->primitive, op->dnn->stream, op->arg_count, op->args),
                   op->what, err);
}

const_dnnl_memory_desc_t op_desc(const Op *op, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(op->desc, what, 0);
}
