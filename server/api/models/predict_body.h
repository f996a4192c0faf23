/* server/api/models/predict_body.h -- the pictures in the body of a request to predict.
 *
 *     image/jpeg, image/png, image/webp, application/octet-stream    one picture file; no type too
 *     multipart/form-data                                            a file in each part
 *     application/json    {"images":[{"base64":"..."}, {"pixels":[...],"shape":[H,W,C]}]}
 *
 * Kinds of files are told by their content, not by what the client says of them.
 *
 * Errors   ERR_INVALID; with the reason "unsupported_media_type" for another type. What is wrong
 *          with fields of the JSON are faults.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"
#include "server/base/faults.h"

enum {
    PREDICT_IMAGES = 64,        // in one request
    PREDICT_NUMBERS = 1 << 20,  // in the arrays of a JSON body, all together
    PREDICT_SIDE = 4096,        // of pixels
};

typedef struct {
    const uint8_t *bytes;  // of a file, or pixels (height, width, channels)
    size_t size;
    int height, width, channels;  // of pixels; 0: it is a file
    void *owned;                  // what `bytes` points into; NULL: the body
} PredictPicture;

typedef struct {
    PredictPicture items[PREDICT_IMAGES];
    int count;
} PredictBody;

/* Points into `body`. False with *err, or with faults. */
bool predict_body_read(const char *content_type, const char *body, size_t size, PredictBody *b,
                       Faults *faults, Error *err);
void predict_body_free(PredictBody *b);  // also after a failure
