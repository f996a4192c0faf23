/* tests/core/data/test_class_weights.c -- what an example of each class counts for. */
#include "core/data/class_weights.h"

#include "tests/check.h"

static const uint16_t LABELS[] = {0, 0, 0, 0, 0, 0, 2, 2, 2, 3};

/* sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 2, 3], y=LABELS). */
static void classes_count_alike(void **state)
{
    (void)state;
    const Split split = {.count = COUNT(LABELS), .labels = LABELS};
    double *w = class_weights_new(CLASS_WEIGHTS_BALANCED, &split, NULL, split.count, 5);
    const double want[] = {10 / 18.0, 0, 10 / 9.0, 10 / 3.0, 0};
    for (int c = 0; c < 5; c++)
        CHECK_NEAR(w[c], want[c], 1e-15);
    free(w);
    assert_null(class_weights_new(CLASS_WEIGHTS_NONE, &split, NULL, split.count, 5));
}

static void only_the_listed_examples_count(void **state)
{
    (void)state;
    const Split split = {.count = COUNT(LABELS), .labels = LABELS};
    const int32_t listed[] = {0, 6, 7, 8};
    double *w = class_weights_new(CLASS_WEIGHTS_BALANCED, &split, listed, COUNT(listed), 4);
    const double want[] = {4 / 2.0, 0, 4 / 6.0, 0};
    for (int c = 0; c < 4; c++)
        CHECK_NEAR(w[c], want[c], 1e-15);
    free(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_count_alike),
        cmocka_unit_test(only_the_listed_examples_count),
    };
    return RUN_TESTS(tests);
}
