/* core/kernels/conv/im2col_gather.h -- gathers rows of the im2col matrix;
 * core/kernels/conv/im2col.c and im2col_grad.c alone include it. */
#pragma once
#include "core/kernels/conv/im2col.h"

/* Numbers that a copy may write too many. */
enum { GATHER_SLACK = 32 };

/* Rows of successive pixels, by one thread. */
typedef struct {
    const Im2col *p;
    const char *src;
    char *image;  // image `at`, padded with zeros; -1: none yet
    int at;
} Gather;

size_t gather_number_bytes(const Im2col *p);
int gather_run(const Im2col *p);  // numbers of a row from one line of the image, even in bfloat16
int gather_columns(const Im2col *p);   // ... and of the whole row: kernel_h runs
int gather_pixels(const Im2col *p);    // of dst, in all images: the rows of the matrix
size_t gather_bytes(const Im2col *p);  // of memory for the padded image, a multiple of 64

Gather gather_begin(const Im2col *p, const void *src, void *memory);

/* Write the row of a pixel to dst, which must have room for GATHER_SLACK numbers more: those are
 * overwritten. Where a run is longer than kernel_w * in, its last number is any of the image. */
void gather_row(Gather *g, int pixel, void *dst);

/* Whether rows lie in src as they are: those of a 1 x 1 window do. And where. */
bool gather_in_place(const Im2col *p);
const void *gather_find(const Gather *g, int pixel);
