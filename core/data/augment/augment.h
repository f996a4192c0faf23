/* core/data/augment/augment.h -- random changes of the training pictures.
 *
 * Each is one file here and one row of the table in augment.c. They come in this order:
 *
 *   padded crop    8-bit pixels   core/data/augment/padded_crop.h
 *   resized crop   8-bit pixels   core/data/augment/resized_crop.h
 *   flip           8-bit pixels   core/data/augment/flip.h
 *   (resize to the image size, division by 255, normalisation)
 *   erasing        numbers        core/data/augment/erasing.h
 *   mixup          a batch        core/data/augment/mixup.h
 *
 * Each is a pure function of the picture and of its own random numbers (core/data/augment/draws.h).
 * Only training sees them; a zeroed Augmentation changes nothing.
 */
#pragma once
#include "core/base/error.h"
#include "core/data/augment/draws.h"
#include "core/data/picture.h"
#include "core/graph/shape.h"

#define AUGMENT_MAX_RATIO 100.0
#define AUGMENT_MAX_ALPHA 100.0

typedef enum { FLIP_NONE, FLIP_RANDOM, FLIP_ALTERNATE } FlipType;
extern const char *const FLIP_NAMES[];  // by FlipType, NULL-terminated

typedef struct {
    bool on;
    double scale[2];  // least and largest share of the area
    double ratio[2];  // least and largest width / height
} ResizedCrop;

typedef struct {
    double probability;  // 0: off
    double scale[2];     // least and largest share of the area
    double ratio[2];     // least and largest height / width
} Erasing;

typedef struct {
    int crop_padding;  // pixels of the stored picture; 0: off
    ResizedCrop resized_crop;
    FlipType flip;
    Erasing erasing;
    double mixup;  // alpha; 0: off
} Augmentation;

typedef struct {
    const char *name;
    bool (*on)(const Augmentation *a);
    /* One of the following. `p` becomes a part of the picture that it is, or a picture in `room`,
     * which holds as much as the stored one and is not where *p is. */
    void (*change_picture)(const Augmentation *a, const DrawKey *key, uint8_t *room, Picture *p);
    /* `image` is channels first. */
    void (*change_image)(const Augmentation *a, const DrawKey *key, Shape shape, float *image);
} AugmentOp;

/* For pictures of this size. ERR_INVALID names the setting and its value. */
bool augmentation_check(const Augmentation *a, Shape picture, Error *err);

/* All changes of pixels: *p becomes another picture, no larger. `rooms` are two buffers for a
 * picture of the stored size; *p is in neither. */
void augment_picture(const Augmentation *a, const DrawKey *key, uint8_t *const rooms[2],
                     Picture *p);
/* All changes of numbers. */
void augment_image(const Augmentation *a, const DrawKey *key, Shape shape, float *image);
