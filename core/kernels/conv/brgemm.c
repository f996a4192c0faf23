#include "core/kernels/conv/brgemm.h"

#include <stdlib.h>

#ifdef HAVE_BRGEMM
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_ukernel.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/slab.h"
#include "core/dnn/dnn.h"

/* One panel of b. */
typedef struct {
    int rows, width, depth;
    ptrdiff_t a_row, c_row;
    bool add;
} Panel;

typedef struct {
    Panel shape;
    dnnl_brgemm_t kernel;
} Kernel;

struct Brgemms {
    Kernel *kernels;
    int count;
    int threads;
    char *scratch;  // threads x scratch_bytes
    size_t scratch_bytes;
};

bool brgemm_available(void)
{
    const unsigned isa = dnnl_get_effective_cpu_isa(), needed = dnnl_cpu_isa_avx512_core_amx;
    return (isa & needed) == needed;
}

Brgemms *brgemms_new(int threads)
{
    Brgemms *b = xcalloc(1, sizeof *b);
    b->threads = threads;
    return b;
}

void brgemms_free(Brgemms *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->count; i++)
        dnnl_brgemm_destroy(b->kernels[i].kernel);
    free(b->kernels);
    slab_free(b->scratch, (size_t)b->threads * b->scratch_bytes);
    free(b);
}

static Panel shape_of(const Gemm *g, int width)
{
    return (Panel){g->rows, width, g->depth, g->a_row, g->c_row, g->add};
}

static const Kernel *find(const Brgemms *b, Panel s)
{
    for (int i = 0; i < b->count; i++) {
        const Panel k = b->kernels[i].shape;
        if (k.rows == s.rows && k.width == s.width && k.depth == s.depth && k.a_row == s.a_row
            && k.c_row == s.c_row && k.add == s.add)
            return &b->kernels[i];
    }
    return NULL;
}

static bool reserve_scratch(Brgemms *b, size_t bytes, Error *err)
{
    bytes = (bytes + 63) / 64 * 64;
    if (bytes <= b->scratch_bytes)
        return true;
    slab_free(b->scratch, (size_t)b->threads * b->scratch_bytes);
    b->scratch_bytes = bytes;
    b->scratch = slab_new((size_t)b->threads * bytes);
    if (b->scratch)
        return true;
    b->scratch_bytes = 0;
    return fail(err, ERR_NO_MEMORY, "no memory for matrix tiles: %zu bytes are needed", bytes);
}

static bool add_panel(Brgemms *b, Panel s, Error *err)
{
    if (find(b, s))
        return true;
    dnnl_brgemm_t kernel = NULL;
    size_t bytes = 0;
    // Two numbers of bfloat16 are one of ours.
    const bool ok =
        dnn_try(dnnl_brgemm_create(&kernel, s.rows, s.width, 2 * s.depth, 1, 2 * s.a_row, s.width,
                                   s.c_row, dnnl_bf16, dnnl_bf16, dnnl_f32),
                "describe a product of matrix tiles", err)
        && dnn_try(dnnl_brgemm_set_add_C(kernel, s.add), "add up matrix tiles", err)
        && dnn_try(dnnl_brgemm_finalize(kernel), "plan matrix tiles", err)
        && dnn_try(dnnl_brgemm_generate(kernel), "make a product of matrix tiles", err)
        && dnn_try(dnnl_brgemm_get_scratchpad_size(kernel, &bytes), "measure matrix tiles", err)
        && reserve_scratch(b, bytes, err);
    if (!ok) {
        if (kernel)
            dnnl_brgemm_destroy(kernel);
        return false;
    }
    b->kernels = xrealloc(b->kernels, (size_t)b->count + 1, sizeof *b->kernels);
    b->kernels[b->count++] = (Kernel){s, kernel};
    return true;
}

bool brgemms_add(Brgemms *b, const Gemm *shape, Error *err)
{
    if (!b)
        return true;
    INVARIANT(shape->a_depth == 1);
    const int rest = shape->cols % GEMM_PANEL;
    return (shape->cols < GEMM_PANEL || add_panel(b, shape_of(shape, GEMM_PANEL), err))
           && (rest == 0 || add_panel(b, shape_of(shape, rest), err));
}

void brgemms_multiply(const Brgemms *b, const Gemm *g)
{
    static const dnnl_dim_t FROM_THE_START[2] = {0, 0};
    void *scratch =
        b->scratch ? b->scratch + (size_t)omp_get_thread_num() * b->scratch_bytes : NULL;
    for (int panel = 0; panel < g->cols; panel += GEMM_PANEL) {
        const int left = g->cols - panel;
        const Kernel *k = find(b, shape_of(g, left < GEMM_PANEL ? left : GEMM_PANEL));
        INVARIANT(k);
        dnnl_brgemm_set_hw_context(k->kernel);
        for (int i = 0; i == 0 || i < g->count; i++) {
            const Gemm one = gemm_at(g, i);
            dnnl_brgemm_execute(k->kernel, one.a,
                                (const float *)one.b + (ptrdiff_t)panel * g->depth, FROM_THE_START,
                                one.c + panel, scratch);
        }
    }
    dnnl_brgemm_release_hw_context();
}

#else

bool brgemm_available(void)
{
    return false;
}

Brgemms *brgemms_new(int threads)
{
    (void)threads;
    return NULL;
}

void brgemms_free(Brgemms *b)
{
    (void)b;
}

bool brgemms_add(Brgemms *b, const Gemm *shape, Error *err)
{
    (void)b, (void)shape, (void)err;
    return true;
}

void brgemms_multiply(const Brgemms *b, const Gemm *g)
{
    (void)b, (void)g;
    abort();  // nothing was added
}

#endif
