#include "core/data/progressive.h"

bool progressive_check(const Progressive *p, int final_size, Error *err)
{
    if (p->from == 0)
        return true;
    if (p->from < 0 || p->from > final_size)
        return fail(err, ERR_INVALID,
                    "progressive_resizing.from must be 0 to the image_size %d, got %d", final_size,
                    p->from);
    if (p->until_epoch < 1)
        return fail(err, ERR_INVALID, "progressive_resizing.until_epoch must be 1 or more, got %d",
                    p->until_epoch);
    return p->step >= 1
           || fail(err, ERR_INVALID, "progressive_resizing.step must be 1 or more, got %d",
                   p->step);
}

int progressive_size(const Progressive *p, int final_size, int64_t epoch)
{
    if (p->from == 0 || epoch >= p->until_epoch)
        return final_size;
    const double growth = (double)(final_size - p->from) * (double)epoch / p->until_epoch;
    const int size = p->from + (int)(growth / p->step + 0.5) * p->step;
    return size < final_size ? size : final_size;
}
