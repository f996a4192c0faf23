#include "tests/core/data/decode/golden.h"

#include <zlib.h>

#include "tests/check.h"

static void read_bytes(gzFile f, void *dst, size_t bytes)
{
    assert_int_equal(gzread(f, dst, (unsigned)bytes), bytes);
}

static int read_int(gzFile f)
{
    int32_t value;
    read_bytes(f, &value, sizeof value);
    return value;
}

static void read_text(gzFile f, char *text, size_t size)
{
    const size_t length = (size_t)read_int(f);
    assert_true(length < size);
    read_bytes(f, text, length);
    text[length] = '\0';
}

static uint8_t *read_block(gzFile f, size_t *size)
{
    *size = (size_t)read_int(f);
    uint8_t *block = malloc(*size);
    assert_true(block || *size == 0);
    read_bytes(f, block, *size);
    return block;
}

/* False at the end of the file. */
static bool read_record(gzFile f, Golden *g)
{
    *g = (Golden){0};
    if (gzread(f, &g->kind, 1) != 1)
        return false;
    read_text(f, g->name, sizeof g->name);
    g->file = read_block(f, &g->size);
    const int numbers = g->kind == 'D' ? 3 : g->kind == 'P' ? 4 : 0;
    for (int i = 0; i < numbers; i++)
        g->numbers[i] = read_int(f);
    if (numbers > 0)
        g->pixels = read_block(f, &g->pixel_bytes);
    else
        read_text(f, g->reason, sizeof g->reason);
    return true;
}

int golden_each(char kind, void (*check)(const Golden *g))
{
    const char *other = getenv("GOLDEN_PICTURES");
    gzFile f = gzopen(other ? other : TESTS_DIR "/golden/pictures.bin.gz", "rb");
    assert_non_null(f);
    int count = 0;
    for (Golden g; read_record(f, &g);) {
        if (g.kind == kind) {
            check(&g);
            count++;
        }
        free(g.file);
        free(g.pixels);
    }
    assert_int_equal(gzclose(f), Z_OK);
    return count;
}
