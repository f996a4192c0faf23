#include "server/data/intake/limits.h"

IntakeLimits intake_limits_default(void)
{
    return (IntakeLimits){
        .total_bytes = INT64_C(256) << 30,
        .entries = 2000000,
        .name_bytes = INT64_C(256) << 20,
        .expansion = 100,
        .free_bytes = INT64_C(16) << 20,
        .entry_bytes = INT64_C(512) << 20,
        .path_depth = 16,
        .path_bytes = 1024,
    };
}
