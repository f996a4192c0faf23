/* core/train/trainer/trainer_sizes.h -- nets for the image sizes of a training that grows them. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* The network for images of this size; NULL on failure. */
Graph *trainer_graph(const Trainer *t, int size, Error *err);
/* The net that trains on images of this size; the one before it of another smaller size is gone
 * then. NULL on failure. */
Net *trainer_net(Trainer *t, int size, Error *err);
/* The parameters' values were changed. */
void trainer_params_changed(Trainer *t);
void trainer_free_nets(Trainer *t);
/* ERR_INVALID: the sizes make no sense, or the network's weights do not fit all of them. */
bool trainer_check_sizes(const Trainer *t, Error *err);
/* Choose kernels for each smaller size that is left to train. */
bool trainer_prepare_sizes(Trainer *t, Error *err);
