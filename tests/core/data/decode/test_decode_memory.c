/* tests/core/data/decode/test_decode_memory.c -- decoding with the n-th allocation failing, ours or
 * a library's: refused or whole, and nothing is left behind.
 *
 * Lossy WebP stands for all: libwebp 1.2.4 reads through a null pointer when it gets no memory for
 * a table of a lossless picture or of a compressed alpha plane. */
#include "core/data/decode/decode.h"

#include <dlfcn.h>
#include <errno.h>

#include "tests/check.h"
#include "tests/core/data/decode/golden.h"

/* glibc's own, under names that this program does not replace. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static long fail_at;  // counts down while it is positive; the call that takes it to 0 fails
static long live;     // allocations minus frees while `counting`
static bool counting;

static bool refused(void)
{
    if (counting && fail_at > 0 && --fail_at == 0) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

static void *counted(void *memory)
{
    live += counting && memory;
    return memory;
}

void *malloc(size_t size)
{
    return refused() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return refused() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (refused())
        return NULL;
    return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

void free(void *memory)
{
    live -= counting && memory;
    __libc_free(memory);
}

/* True: it was decoded, with what it could get. */
static bool decode_failing(const Golden *g, long n)
{
    Error err = {0};
    DecodedPicture p = {0};
    live = 0;
    fail_at = n;
    counting = true;
    const bool ok = decode_picture(NULL, g->file, g->size, NULL, &p, &err);
    const bool failed = fail_at == 0;
    const bool equal = ok && memcmp(p.pixels, g->pixels, g->pixel_bytes) == 0;
    decoded_picture_free(&p);
    counting = false;
    if (live != 0)
        fail_msg("%s: allocation %ld failed: %ld are left behind", g->name, n, live);
    if (!ok && err.code != ERR_NO_MEMORY)
        fail_msg("%s: allocation %ld failed: %s", g->name, n, err.message);
    // What tells how the picture is to be turned may be lost with the memory for it.
    if (ok && !equal && !strstr(g->name, "turned"))
        fail_msg("%s: allocation %ld failed: other pixels", g->name, n);
    return failed;
}

static int files;

static void check_failing(const Golden *g)
{
    if (!strstr(g->name, "turned_6") && !strstr(g->name, "jpeg_progressive_420")
        && !strstr(g->name, "cmyk_adobe") && !strstr(g->name, "png_palette_transparent_8")
        && !strstr(g->name, "webp_lossy"))
        return;
    long n = 1;
    while (decode_failing(g, n))
        n++;
    assert_true(n > 3);
    files++;
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    golden_each('D', check_failing);
    assert_true(files >= 7);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left_behind)};
    return RUN_TESTS(tests);
}
