/* core/train/transfer.h -- a training that starts from a trained model: its tensors, as far as they
 * fit.
 *
 * Taken is every tensor of the features that fits, running statistics included. The head is taken
 * as a whole: if all of it fits and the classes have the same names, as far as the file and the
 * data set say, however their marks are written (core/base/nfc.h); else all of it keeps its fresh
 * values. What the file has besides (an optimizer's state, other tensors) is left.
 *
 * Refused is a file that says it is of another network, one in which less than half of the
 * features' numbers fit and, where features are frozen, one that lacks any of them.
 *
 * Errors   as checkpoint.h. The message names all that does not fit, as far as there is room.
 */
#pragma once
#include "core/train/files/safetensors.h"
#include "core/train/head.h"

typedef struct {
    const char *name;
    bool taken;
    char *why;  // not; NULL: it is taken
} TransferTensor;

typedef struct {
    TransferTensor *tensors;  // of the network, in its order
    int count, taken;
    bool head_taken;
    int superfluous;  // tensors of the file that the network has not, but for an optimizer's
} TransferReport;

typedef struct {
    const char *network;  // the file's must be the same, if it says
    const Head *head;
    const char *const *class_names;  // of the data set; NULL: not known
    int classes;
    bool all_features;  // none may be missing
} Transfer;

/* Changes the parameters that are taken, and none on failure. *report is to be freed; on failure,
 * too. */
bool transfer_load(const char *path, const Transfer *how, ParamStore *params,
                   TransferReport *report, Error *err);
void transfer_report_free(TransferReport *report);  // takes {0}

/* "58 of 60 tensors are taken; new: 5.weight, 5.bias (its classes are others)". Cut off where there
 * is no room. */
void transfer_sentence(const TransferReport *report, char *text, size_t size);
