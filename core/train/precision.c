#include "core/train/precision.h"

#include <string.h>

#include "core/net/net.h"

const char *const PRECISION_NAMES[] = {
    [PRECISION_AUTO] = "auto", [PRECISION_F32] = "f32", [PRECISION_BF16] = "bf16", NULL};

Precision precision_resolve(Precision precision)
{
    if (precision != PRECISION_AUTO)
        return precision;
    return net_bf16_is_fast() ? PRECISION_BF16 : PRECISION_F32;
}

bool precision_from_name(const char *name, Precision *precision)
{
    for (int i = 0; PRECISION_NAMES[i]; i++) {
        if (strcmp(PRECISION_NAMES[i], name) == 0) {
            *precision = (Precision)i;
            return true;
        }
    }
    return false;
}
