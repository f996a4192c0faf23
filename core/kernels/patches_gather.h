/* core/kernels/patches_gather.h -- where patches come from; core/kernels/patches.c and
 * patches_grad.c alone include it. */
#pragma once
#include "core/kernels/patches.h"

/* Numbers that a copy may write too many. */
enum { GATHER_SLACK = 32 };

/* Patches of pixels one behind the other, by one thread. */
typedef struct {
    const Patches *p;
    const char *src;
    char *image;  // image `at`, padded with zeros; -1: none yet
    int at;
} Gather;

size_t gather_number_bytes(const Patches *p);
int gather_run(const Patches *p);    // numbers of a patch in one row of the image, even in bfloat16
int gather_count(const Patches *p);  // ... and of the whole: kernel runs
int gather_pixels(const Patches *p);    // of dst, in all images
size_t gather_bytes(const Patches *p);  // of memory for the padded image, a multiple of 64

Gather gather_begin(const Patches *p, const void *src, void *memory);

/* Write the patch of a pixel to dst, which must have room for GATHER_SLACK numbers more: those are
 * overwritten. Where a run is longer than kernel * in, the last number is any of the image. */
void gather_patch(Gather *g, int pixel, void *dst);

/* Whether patches lie in src as they are: those of a 1 x 1 window do. And where. */
bool gather_in_place(const Patches *p);
const void *gather_find(const Gather *g, int pixel);
