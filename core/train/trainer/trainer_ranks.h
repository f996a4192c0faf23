/* core/train/trainer/trainer_ranks.h -- what the ranks of a training agree on. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Whether all ranks have the same to do; fails on all of them. */
bool trainer_ranks_agree(Trainer *t, Error *err);
/* Weights and state are rank 0's. */
void trainer_ranks_begin(Trainer *t);
/* The strongest answer of all callbacks, and rank 0's clock. */
void trainer_ranks_meet(Trainer *t);
/* Rank 0's decision. */
bool trainer_ranks_decide(const Trainer *t, bool decision);
/* trainer_choose_kernels, by rank 0 for all. */
bool trainer_ranks_kernels(Trainer *t, Error *err);
