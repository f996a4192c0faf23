/* core/train/init.h -- initial values of the parameters.
 *
 * Every parameter draws from its own stream, rng_new(seed, RNG_INIT, index in the store), so that
 * its values depend on the seed and its index alone.
 */
#pragma once
#include "core/base/numbers/rng.h"
#include "core/dnn/params.h"
#include "core/models/models.h"

/* Fills a parameter's `count` numbers. */
typedef void (*Initializer)(const Param *param, Rng *rng, float *values);

/* Uniform in +-sqrt(6 / (fan_in + fan_out)). Glorot, Bengio 2010; torch.nn.init.xavier_uniform_. */
void init_xavier_uniform(const Param *param, Rng *rng, float *values);

/* By role: `weights` for weights, uniform in +-1 / sqrt(fan_in) for biases, PyTorch's default,
 * which is the chapter's initialisation; a normalisation starts as the identity. */
void init_params(ParamStore *store, Initializer weights, uint64_t seed);

/* The initializer that a model names. */
Initializer init_rule(WeightRule rule);
