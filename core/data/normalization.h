/* core/data/normalization.h -- shift and scale each channel of an image.
 *
 *   dst = (src / 255 - mean[channel]) / deviation[channel]      in float32, 8-bit src
 *
 * Source   torchvision.transforms.ToTensor and Normalize.
 */
#pragma once
#include "core/data/dataset.h"

enum {
    NORMALIZATION_MAX_CHANNELS = 4,
    NORMALIZATION_TEXT = 320,  // bytes of one as text, with the final NUL
};

/* Where the figures come from. */
typedef enum { NORMALIZATION_NONE, NORMALIZATION_GIVEN, NORMALIZATION_MEASURED } NormalizationType;
extern const char *const NORMALIZATION_NAMES[];  // by NormalizationType, NULL-terminated

typedef struct {
    int channels;  // 0: images are divided by 255 only
    double mean[NORMALIZATION_MAX_CHANNELS];
    double deviation[NORMALIZATION_MAX_CHANNELS];  // above 0
} Normalization;

/* Mean and deviation (of the whole population) of each channel over `count` examples of a split:
 * from sums of whole numbers, which are exact, in pixels as they are stored. A channel that is the
 * same everywhere has the deviation 1. */
Normalization normalization_measure(const Split *split, Shape image, const int32_t *examples,
                                    int count);

/* As JSON, which loses nothing: {"mean":[0.28],"std":[0.35]}; "" without channels. */
void normalization_to_text(const Normalization *n, char text[NORMALIZATION_TEXT]);
/* False, and no channels, if it is not what normalization_to_text writes. */
bool normalization_from_text(const char *text, Normalization *n);

/* What becomes of each of the 256 values in each of `channels` channels. */
void normalization_table(const Normalization *n, int channels, float (*table)[256]);
