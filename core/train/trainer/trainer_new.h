/* core/train/trainer/trainer_new.h -- how the nets of a training are made. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Of every size's net. */
NetConfig trainer_net_config(Trainer *t);
