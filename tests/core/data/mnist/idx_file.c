#include "tests/core/data/mnist/idx_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/check.h"

static void put_number(IdxFile *f, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        f->bytes[f->size++] = (uint8_t)(number >> shift);
}

static void put_items(IdxFile *f, size_t items, int modulus)
{
    assert_true(f->size + items <= sizeof f->bytes);
    for (size_t i = 0; i < items; i++)
        f->bytes[f->size++] = (uint8_t)(i % (size_t)(modulus ? modulus : 256));
}

IdxFile idx_file_labels(uint32_t count, size_t items, int modulus)
{
    IdxFile f = {.size = 0};
    put_number(&f, 0x801);
    put_number(&f, count);
    put_items(&f, items, modulus);
    return f;
}

IdxFile idx_file_images(uint32_t count, uint32_t height, uint32_t width, size_t items)
{
    IdxFile f = {.size = 0};
    put_number(&f, 0x803);
    put_number(&f, count);
    put_number(&f, height);
    put_number(&f, width);
    put_items(&f, items, 0);
    return f;
}

IdxFile idx_file_gzip(const IdxFile *plain)
{
    IdxFile f = {.size = 0};
    z_stream z = {.next_in = (Bytef *)plain->bytes, .avail_in = (uInt)plain->size};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = f.bytes;
    z.avail_out = sizeof f.bytes;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    f.size = z.total_out;
    deflateEnd(&z);
    return f;
}

void idx_file_write(const IdxFile *file, const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file->bytes, 1, file->size, f), file->size);
    assert_int_equal(fclose(f), 0);
    free(path);
}
