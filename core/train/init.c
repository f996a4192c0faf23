#include "core/train/init.h"

#include <math.h>
#include <string.h>

static void fill_uniform(Rng *rng, double bound, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)((2 * rng_uniform(rng) - 1) * bound);
}

void init_xavier_uniform(const Param *param, Rng *rng, float *values)
{
    fill_uniform(rng, sqrt(6.0 / (param->fan_in + param->fan_out)), values, param->count);
}

static void fill_normal(Rng *rng, double deviation, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(rng_normal(rng) * deviation);
}

/* Uniform in +-1 / sqrt(fan_in), PyTorch's default for a bias. */
static void fan_in_uniform(const Param *param, Rng *rng, float *values)
{
    fill_uniform(rng, 1 / sqrt(param->fan_in), values, param->count);
}

/* Normal with variance 2 / fan_out for a convolution, He et al. 2015; torch.nn.init.kaiming_normal_
 * with mode="fan_out". A linear layer's weights start as PyTorch's default, fan_in_uniform:
 * torchvision's ResNet. */
static void kaiming_normal_fan_out(const Param *param, Rng *rng, float *values)
{
    if (param->dim_count == 2)
        fan_in_uniform(param, rng, values);
    else
        fill_normal(rng, sqrt(2.0 / param->fan_out), values, param->count);
}

/* Normal with a deviation of 0.1, and of 0.01: torchvision's Inception v3 and GoogLeNet. (Both say
 * "truncated", at 2, which is 20 deviations away.) */
static void normal_tenth(const Param *param, Rng *rng, float *values)
{
    fill_normal(rng, 0.1, values, param->count);
}

static void normal_hundredth(const Param *param, Rng *rng, float *values)
{
    fill_normal(rng, 0.01, values, param->count);
}

Initializer init_rule(WeightRule rule)
{
    static const Initializer RULES[WEIGHT_RULES] = {
        [WEIGHTS_XAVIER_UNIFORM] = init_xavier_uniform,
        [WEIGHTS_KAIMING_NORMAL_FAN_OUT] = kaiming_normal_fan_out,
        [WEIGHTS_NORMAL_TENTH] = normal_tenth,
        [WEIGHTS_NORMAL_HUNDREDTH] = normal_hundredth,
    };
    return RULES[rule];
}

static void fill(float value, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

void init_params(ParamStore *store, Initializer weights, uint64_t seed)
{
    for (int i = 0; i < store->param_count; i++) {
        const Param *p = &store->params[i];
        Rng rng = rng_new(seed, RNG_INIT, (uint64_t)i);
        float *values = store->values + p->offset;
        switch (p->role) {
        case ROLE_WEIGHT:
            weights(p, &rng, values);
            break;
        case ROLE_BIAS:
            fan_in_uniform(p, &rng, values);
            break;
        case ROLE_SCALE:
        case ROLE_VARIANCE:
            fill(1, values, p->count);
            break;
        case ROLE_SHIFT:
        case ROLE_MEAN:
            fill(0, values, p->count);
            break;
        case ROLE_COUNTER:
            memset(store->counters + p->offset, 0, p->count * sizeof *store->counters);
            break;
        }
    }
}
