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
/* Normal with variance 2 / fan_out for a convolution, He et al. 2015; torch.nn.init.kaiming_normal_
 * with mode="fan_out". A linear layer's weights start as PyTorch's default, init_fan_in_uniform:
 * torchvision's ResNet. */
void init_kaiming_normal_fan_out(const Param *param, Rng *rng, float *values);
/* Normal with a deviation of 0.1, and of 0.01: torchvision's Inception v3 and GoogLeNet. (Both say
 * "truncated", at 2, which is 20 deviations away.) */
void init_normal_tenth(const Param *param, Rng *rng, float *values);
void init_normal_hundredth(const Param *param, Rng *rng, float *values);
/* Uniform in +-1 / sqrt(fan_in), PyTorch's default for a bias. */
void init_fan_in_uniform(const Param *param, Rng *rng, float *values);

/* By role: `weights` for weights, init_fan_in_uniform for biases, which is the chapter's
 * initialisation; a normalisation starts as the identity. */
void init_params(ParamStore *store, Initializer weights, uint64_t seed);

/* The initializer that a model names. */
Initializer init_rule(WeightRule rule);
