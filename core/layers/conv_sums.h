/* core/layers/conv_sums.h -- gradients of a convolution's weights and bias, added up over the parts
 * of a batch in a layout that the kernel likes.
 *
 * Errors   ERR_NO_MEMORY.
 */
#pragma once
#include "core/layers/layer.h"

typedef struct {
    float *weights;  // `count` numbers, 64-byte aligned
    float *bias;     // behind them
    size_t count;
    size_t bytes;  // of both
    bool begun;    // they hold something
} ConvSums;

/* Also reserves the working memory of conv_sums_add_bias. */
bool conv_sums_new(ConvSums *s, Layer *l, size_t count, Error *err);
void conv_sums_free(ConvSums *s);

/* Before a part of a batch is added: the first finds zeros. */
void conv_sums_begin(ConvSums *s);
void conv_sums_add_bias(ConvSums *s, const Layer *l);
/* Bring the bias to the store, set or added. False if there is nothing to bring. */
bool conv_sums_end(ConvSums *s, const Layer *l, bool accumulate);
