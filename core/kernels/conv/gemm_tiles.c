#include "core/kernels/conv/gemm.h"

#include <oneapi/dnnl/dnnl.h>

/* DESIGN. Two by two matrix tiles of 16 x 16 sums stay in registers while tiles of a (16 rows, 16
 * pairs) and of b (16 pairs, 16 columns) pass by. What is left over, fewer than 16 rows or pairs,
 * takes tiles of another size, and those another configuration, which empties all tiles: so the
 * outermost loop is over configurations, of which a product has at most four.
 *
 * oneDNN's micro-kernel is as fast in one product. It costs 6% of a training step around them: the
 * configuration for each panel, and each call.
 */

#if defined(__x86_64__)
#include <immintrin.h>

enum { SIDE = 16, TILES = 8 };  // rows of a tile, 32-bit units of a row

/* What ldtilecfg reads. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

/* A part of a product for which tiles have one size: rows from `row`, of which the last tile has
 * `last_rows`, and pairs from `k`, `pairs` in each of `steps` tiles. */
typedef struct {
    int row, rows, last_rows;
    int k, steps, pairs;
} Part;

#define AMX __attribute__((target("avx512f,amx-tile,amx-bf16")))

/* Tiles 0 to 3 are sums, 4 and 5 are of a, 6 and 7 of b. */
AMX static void configure(int last_rows, int pairs)
{
    TileConfig config = {.palette = 1};
    for (int t = 0; t < TILES; t++) {
        const bool second = t == 2 || t == 3 || t == 5, of_a = t == 4 || t == 5;
        config.rows[t] = (uint8_t)(t >= 6 ? pairs : second ? last_rows : SIDE);
        config.row_bytes[t] = (uint16_t)(4 * (of_a ? pairs : SIDE));
    }
    // GCC's header says that the next line reads 8 bytes: all 64 have to be written before it.
    __asm__ volatile("" ::"r"(&config) : "memory");
    _tile_loadconfig(&config);
}

/* A block of sums, up to 2 x 2 tiles. */
typedef struct {
    const float *a, *b;
    float *c;
    size_t a_bytes, b_bytes, c_bytes;  // from one row to the next
    bool add;
    int steps, pairs;
} Block;

#define LOAD_SUMS(TILE, ROW, COLUMN)                                                               \
    if (x->add)                                                                                    \
        _tile_loadd(TILE, (const char *)(x->c + (COLUMN)) + (ROW)*x->c_bytes, x->c_bytes);         \
    else                                                                                           \
        _tile_zero(TILE)
#define STORE_SUMS(TILE, ROW, COLUMN)                                                              \
    _tile_stored(TILE, (char *)(x->c + (COLUMN)) + (ROW)*x->c_bytes, x->c_bytes)

AMX static inline void block_2_2(const Block *x)
{
    const char *a = (const char *)x->a, *b = (const char *)x->b;
    const size_t a_step = (size_t)x->pairs * 4, b_step = (size_t)x->pairs * x->b_bytes;
    LOAD_SUMS(0, 0, 0);
    LOAD_SUMS(1, 0, SIDE);
    LOAD_SUMS(2, SIDE, 0);
    LOAD_SUMS(3, SIDE, SIDE);
    for (int k = 0; k < x->steps; k++, a += a_step, b += b_step) {
        _tile_loadd(6, b, x->b_bytes);
        _tile_loadd(7, b + 4 * SIDE, x->b_bytes);
        _tile_loadd(4, a, x->a_bytes);
        _tile_loadd(5, a + SIDE * x->a_bytes, x->a_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    STORE_SUMS(0, 0, 0);
    STORE_SUMS(1, 0, SIDE);
    STORE_SUMS(2, SIDE, 0);
    STORE_SUMS(3, SIDE, SIDE);
}

AMX static inline void block_2_1(const Block *x)
{
    const char *a = (const char *)x->a, *b = (const char *)x->b;
    const size_t a_step = (size_t)x->pairs * 4, b_step = (size_t)x->pairs * x->b_bytes;
    LOAD_SUMS(0, 0, 0);
    LOAD_SUMS(2, SIDE, 0);
    for (int k = 0; k < x->steps; k++, a += a_step, b += b_step) {
        _tile_loadd(6, b, x->b_bytes);
        _tile_loadd(4, a, x->a_bytes);
        _tile_loadd(5, a + SIDE * x->a_bytes, x->a_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(2, 5, 6);
    }
    STORE_SUMS(0, 0, 0);
    STORE_SUMS(2, SIDE, 0);
}

/* One tile of rows, which may have fewer than SIDE. */
AMX static inline void block_1_2(const Block *x)
{
    const char *a = (const char *)x->a, *b = (const char *)x->b;
    const size_t a_step = (size_t)x->pairs * 4, b_step = (size_t)x->pairs * x->b_bytes;
    LOAD_SUMS(2, 0, 0);
    LOAD_SUMS(3, 0, SIDE);
    for (int k = 0; k < x->steps; k++, a += a_step, b += b_step) {
        _tile_loadd(6, b, x->b_bytes);
        _tile_loadd(7, b + 4 * SIDE, x->b_bytes);
        _tile_loadd(5, a, x->a_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    STORE_SUMS(2, 0, 0);
    STORE_SUMS(3, 0, SIDE);
}

AMX static inline void block_1_1(const Block *x)
{
    const char *a = (const char *)x->a, *b = (const char *)x->b;
    const size_t a_step = (size_t)x->pairs * 4, b_step = (size_t)x->pairs * x->b_bytes;
    LOAD_SUMS(2, 0, 0);
    for (int k = 0; k < x->steps; k++, a += a_step, b += b_step) {
        _tile_loadd(6, b, x->b_bytes);
        _tile_loadd(5, a, x->a_bytes);
        _tile_dpbf16ps(2, 5, 6);
    }
    STORE_SUMS(2, 0, 0);
}

AMX static void multiply_part(const Gemm *g, const Part *p)
{
    for (int panel = 0; panel < g->cols; panel += GEMM_PANEL) {
        const bool wide = g->cols - panel >= GEMM_PANEL;
        const int width = wide ? GEMM_PANEL : SIDE;
        const float *b =
            (const float *)g->b + (ptrdiff_t)panel * g->depth + (ptrdiff_t)p->k * width;
        for (int row = p->row; row < p->row + p->rows; row += 2 * SIDE) {
            const Block x = {.a = (const float *)g->a + row * g->a_row + p->k,
                             .b = b,
                             .c = g->c + row * g->c_row + panel,
                             .a_bytes = 4 * (size_t)g->a_row,
                             .b_bytes = 4 * (size_t)width,
                             .c_bytes = 4 * (size_t)g->c_row,
                             .add = g->add || p->k > 0,
                             .steps = p->steps,
                             .pairs = p->pairs};
            if (p->row + p->rows - row > SIDE)
                (wide ? block_2_2 : block_2_1)(&x);
            else
                (wide ? block_1_2 : block_1_1)(&x);
        }
    }
}

static void multiply_parts(const Gemm *g, const Part *p)
{
    if (p->rows == 0 || p->steps == 0)
        return;
    configure(p->last_rows, p->pairs);
    for (int i = 0; i == 0 || i < g->count; i++) {
        const Gemm one = gemm_at(g, i);
        multiply_part(&one, p);
    }
}

AMX static void gemm_amx(const Gemm *g)
{
    /* The last rows, if they do not fill tiles, and the last pairs. */
    const int left = g->rows % SIDE;
    const int edge = left == 0 ? 0 : (g->rows % (2 * SIDE));
    const int tiles = (g->depth + SIDE - 1) / SIDE;
    const bool even = g->depth % tiles == 0;
    const int pairs = even ? g->depth / tiles : SIDE, rest = even ? 0 : g->depth % SIDE;
    const int full = g->rows - edge;
    for (int k = 0; k < 2; k++) {
        Part p = {.rows = full,
                  .last_rows = SIDE,
                  .k = k ? g->depth - rest : 0,
                  .steps = k ? rest > 0 : g->depth / pairs,
                  .pairs = k ? rest : pairs};
        multiply_parts(g, &p);
        p.row = full;
        p.rows = edge;
        p.last_rows = left;
        multiply_parts(g, &p);
    }
    _tile_release();
    __asm__ volatile("" ::: "memory");
}

GemmKernel *gemm_tiles(void)
{
    const unsigned isa = dnnl_get_effective_cpu_isa(), needed = dnnl_cpu_isa_avx512_core_amx;
    return (isa & needed) == needed ? gemm_amx : NULL;
}

#else

GemmKernel *gemm_tiles(void)
{
    return NULL;
}

#endif
