/* tests/core/data/mnist/idx_file.h -- IDX files made up for tests, in memory and on disk. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t bytes[4096];
    size_t size;
} IdxFile;

/* Headers with any numbers, followed by `items` bytes 0, 1, 2, ... (mod `modulus`; 0: 256). */
IdxFile idx_file_labels(uint32_t count, size_t items, int modulus);
IdxFile idx_file_images(uint32_t count, uint32_t height, uint32_t width, size_t items);

/* The same as one gzip member. */
IdxFile idx_file_gzip(const IdxFile *plain);

void idx_file_write(const IdxFile *file, const char *folder, const char *name);
