/* tests/bench/prepare.c -- pictures a second from files in memory to squares of pixels, on one
 * thread, and what part of the time is decoding. prepare.py does the same with Pillow.
 *
 *     bench_prepare SIZE crop|pad|stretch bilinear|bicubic FILE...
 */
#include "core/data/decode/prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"

enum { SECONDS = 3, MOST = 1 << 28 };

typedef struct {
    uint8_t *bytes;
    size_t size;
} File;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* NULL spec: decode alone. Milliseconds a picture; negative on failure. */
static double picture_ms(const File *files, int count, const ImageSpec *spec, uint8_t *dst)
{
    const double start = cpu_seconds();
    int done = 0;
    Error err;
    while (cpu_seconds() - start < SECONDS)
        for (int i = 0; i < count; i++, done++) {
            DecodedPicture p = {0};
            const bool ok =
                spec ? prepare_picture(files[i].bytes, files[i].size, spec, NULL, dst, NULL, &err)
                     : decode_picture(NULL, files[i].bytes, files[i].size, NULL, &p, &err);
            decoded_picture_free(&p);
            if (!ok) {
                fprintf(stderr, "%s\n", err.message);
                return -1;
            }
        }
    return (cpu_seconds() - start) * 1e3 / done;
}

int main(int argc, char **argv)
{
    ImageSpec spec = image_spec_default();
    Error err = {0};
    if (argc < 5 || !fit_from_name(argv[2], &spec.fit)
        || !filter_from_name(argv[3], &spec.filter)) {
        fprintf(stderr, "usage: bench_prepare SIZE crop|pad|stretch bilinear|bicubic FILE...\n");
        return 2;
    }
    spec.size = atoi(argv[1]);
    const int count = argc - 4;
    File *files = xcalloc((size_t)count, sizeof *files);
    if (!image_spec_check(&spec, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    for (int i = 0; i < count; i++)
        if (!file_read(argv[4 + i], MOST, &files[i].bytes, &files[i].size, &err)) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    uint8_t *dst = xcalloc((size_t)spec.size * (size_t)spec.size, 3);
    const double all = picture_ms(files, count, &spec, dst);
    const double decode = picture_ms(files, count, NULL, dst);
    printf("%d files, %d, %s, %s: %.1f pictures/s; %.3f ms each, of which decoding %.3f ms\n",
           count, spec.size, argv[2], argv[3], 1e3 / all, all, decode);
    for (int i = 0; i < count; i++)
        free(files[i].bytes);
    free(files);
    free(dst);
    return all > 0 && decode > 0 ? 0 : 1;
}
