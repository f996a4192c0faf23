#include "core/train/precision.h"

#include "core/net/net.h"

const char *const PRECISION_NAMES[] = {
    [PRECISION_AUTO] = "auto", [PRECISION_F32] = "f32", [PRECISION_BF16] = "bf16", NULL};

Precision precision_resolve(Precision precision)
{
    if (precision != PRECISION_AUTO)
        return precision;
    return net_bf16_is_fast() ? PRECISION_BF16 : PRECISION_F32;
}
