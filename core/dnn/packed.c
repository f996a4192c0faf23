#include "core/dnn/packed.h"

/* dst = beta * dst + src, in dst's layout and type. */
static bool reorder_new(Op *op, const Dnn *dnn, dnnl_memory_t src, dnnl_memory_t dst, float beta,
                        Error *err)
{
    const_dnnl_memory_desc_t src_desc, dst_desc;
    dnnl_memory_get_memory_desc(src, &src_desc);
    dnnl_memory_get_memory_desc(dst, &dst_desc);

    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.sum = beta}, err);
    if (!attr)
        return false;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_reorder_primitive_desc_create(&desc, src_desc, dnn->engine,
                                                                    dst_desc, dnn->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (!op_new(op, dnn, "reorder a parameter", status, desc, err))
        return false;
    op_arg(op, DNNL_ARG_FROM, src);
    op_arg(op, DNNL_ARG_TO, dst);
    return true;
}

bool packed_new(Packed *p, const Dnn *dnn, PackedSpec spec, Error *err)
{
    const bool made = spec.memory ? tensor_new_like(dnn, spec.wanted, &p->packed, err)
                                        && tensor_place(p->packed, spec.memory, err)
                                  : tensor_alloc(dnn, spec.wanted, &p->packed, err);
    return made && dnn_wrap(dnn, spec.numbers, spec.plain, "wrap a parameter", &p->plain, err)
           && reorder_new(&p->pack, dnn, p->plain, p->packed->memory, 0, err);
}

bool packed_load(const Packed *p, Error *err)
{
    return op_run(&p->pack, err);
}

void packed_free(Packed *p)
{
    op_free(&p->pack);
    if (p->plain)
        dnnl_memory_destroy(p->plain);
    tensor_free(p->packed);
    *p = (Packed){0};
}

bool packed_grad_new(PackedGrad *p, const Dnn *dnn, float *numbers, const_dnnl_memory_desc_t plain,
                     const_dnnl_memory_desc_t given, Error *err)
{
    return tensor_alloc(dnn, given, &p->packed, err)
           && dnn_wrap(dnn, numbers, plain, "wrap a parameter", &p->plain, err)
           && reorder_new(&p->set, dnn, p->packed->memory, p->plain, 0, err)
           && reorder_new(&p->add, dnn, p->packed->memory, p->plain, 1, err);
}

bool packed_grad_store(const PackedGrad *p, bool accumulate, Error *err)
{
    return op_run(accumulate ? &p->add : &p->set, err);
}

void packed_grad_free(PackedGrad *p)
{
    op_free(&p->set);
    op_free(&p->add);
    if (p->plain)
        dnnl_memory_destroy(p->plain);
    tensor_free(p->packed);
    *p = (PackedGrad){0};
}
