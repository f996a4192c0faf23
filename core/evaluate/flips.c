#include "core/evaluate/flips.h"

#include <stdlib.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/layers/softmax_loss.h"

struct Flips {
    Shape image;
    int classes, batch_size;
    float *images;  // (batch_size, image), mirrored
    float *logits;  // (batch_size, classes), of those
};

bool flips_new(Shape image, int classes, int batch_size, Flips **out, Error *err)
{
    Flips *f = xcalloc(1, sizeof *f);
    *f = (Flips){.image = image, .classes = classes, .batch_size = batch_size};
    f->images = calloc((size_t)batch_size, shape_count(image) * sizeof *f->images);
    f->logits = calloc((size_t)batch_size, (size_t)classes * sizeof *f->logits);
    *out = f;
    if (f->images && f->logits)
        return true;
    flips_free(f);
    *out = NULL;
    return fail(err, ERR_NO_MEMORY, "no memory for the mirror images of a batch of %d", batch_size);
}

void flips_free(Flips *f)
{
    if (!f)
        return;
    free(f->images);
    free(f->logits);
    free(f);
}

static void mirror(const Flips *f, const float *images, int count)
{
    const size_t width = (size_t)f->image.width;
    const size_t rows = (size_t)count * shape_count(f->image) / width;
    for (size_t row = 0; row < rows; row++) {
        const float *src = images + row * width;
        float *dst = f->images + row * width;
        for (size_t x = 0; x < width; x++)
            dst[x] = src[width - 1 - x];
    }
}

bool flips_evaluate_batch(Flips *f, Net *net, const NetBatch *batch, Metrics *sum, Error *err)
{
    INVARIANT(batch->logits && batch->count <= f->batch_size);
    NetBatch straight = *batch, mirrored = *batch;
    Metrics halves = {0};  // nobody asks for them
    straight.losses = mirrored.losses = NULL;
    mirrored.images = f->images;
    mirrored.logits = f->logits;
    mirror(f, batch->images, batch->count);
    if (!net_evaluate_batch(net, &straight, &halves, err)
        || !net_evaluate_batch(net, &mirrored, &halves, err))
        return false;
    for (size_t i = 0; i < (size_t)batch->count * (size_t)f->classes; i++)
        batch->logits[i] = (batch->logits[i] + f->logits[i]) / 2;
    softmax_loss(&(SoftmaxLoss){.classes = f->classes, .losses = batch->losses}, batch->logits,
                 batch->labels, batch->count, NULL, sum);
    return true;
}
