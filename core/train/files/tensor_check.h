/* core/train/files/tensor_check.h -- whether the tensors of a file are those of a network, and
 * sound.
 *
 * Errors   ERR_INVALID; the message names the file and the fault.
 */
#pragma once
#include "core/dnn/params.h"
#include "core/train/files/safetensors.h"

/* A tensor that does not fit, and a sentence about it. */
typedef void (*TensorTold)(void *context, const char *tensor, const char *fault);

/* All that does not fit, in a sentence, as far as there is room for it. */
typedef struct {
    char text[320];
    size_t used;
    int count, left_out;
    TensorTold tell;  // told of each as well; NULL: nobody listens
    void *context;
} Mismatches;

void mismatch(Mismatches *m, const char *tensor, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Fails with "PATH is of another network: ...; and 3 more". */
bool mismatches_fail(const Mismatches *m, const char *path, Error *err);

/* Whether the tensor of that name is there, with the shape and the type of the parameter. If not,
 * why, in a few words: "tensor 5.weight is 10x1024, not 5x1024". */
enum { TENSOR_FAULT = 2 * GRAPH_MAX_NAME + 128 };
bool tensor_fits(const SafeFile *f, const char *name, const Param *p, char why[TENSOR_FAULT]);

/* Whether its checksum is right, where it has one of its tensors alone (files of version 0.1.0),
 * and none of its numbers is NaN or infinite. */
bool tensors_sound(const SafeFile *f, const char *path, Error *err);
