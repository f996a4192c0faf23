#include "core/data/augment/box.h"

#include <math.h>

enum { ATTEMPTS = 10 };

bool draw_box(Draws *d, const BoxRule *rule, int height, int width, Box *box)
{
    const int highest = height - rule->smaller, widest = width - rule->smaller;
    const double area = (double)height * width;
    const double log_ratio[2] = {log(rule->ratio[0]), log(rule->ratio[1])};
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const double box_area = area * draw_between(d, rule->scale);
        const double aspect = exp(draw_between(d, log_ratio));
        const double w = rint(sqrt(box_area * aspect)), h = rint(sqrt(box_area / aspect));
        if (!(w >= 1 && w <= widest && h >= 1 && h <= highest))
            continue;
        *box = (Box){.height = (int)h, .width = (int)w};
        box->top = draw_below(d, height - box->height + 1);
        box->left = draw_below(d, width - box->width + 1);
        return true;
    }
    return false;
}

static int at_least_one(double x)
{
    return x < 1 ? 1 : (int)x;
}

Box middle_box(const double ratio[2], int height, int width)
{
    Box box = {.height = height, .width = width};
    const double whole = (double)width / height;
    if (whole < ratio[0])
        box.height = at_least_one(rint(width / ratio[0]));
    else if (whole > ratio[1])
        box.width = at_least_one(rint(height * ratio[1]));
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}
