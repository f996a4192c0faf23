/* tests/core/data/decode/golden.h -- the records of tests/golden/pictures.bin.gz, which
 * tests/golden/pictures.py writes and describes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char kind;  // 'D', 'P', 'R'
    char name[64];
    uint8_t *file;  // its end is guarded by AddressSanitizer
    size_t size;
    int numbers[4];  // D: width, height, channels; P: channels, size, fit, filter
    uint8_t *pixels;
    size_t pixel_bytes;
    char reason[64];
} Golden;

/* Calls `check` with every record of one kind; returns how many there were. The environment's
 * GOLDEN_PICTURES is read instead of the committed file. */
int golden_each(char kind, void (*check)(const Golden *g));
