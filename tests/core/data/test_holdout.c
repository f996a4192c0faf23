/* tests/core/data/test_holdout.c -- which examples are held out. */
#include "core/data/holdout.h"

#include "tests/check.h"

enum { EXAMPLES = 333, CLASSES = 4 };

/* Classes of very different sizes, of which the last has one example. */
static void make_labels(uint16_t labels[EXAMPLES])
{
    for (int i = 0; i < EXAMPLES; i++)
        labels[i] = i == 100 ? 3 : i % 10 == 0 ? 2 : i % 3 == 0 ? 1 : 0;
}

static void check_parts(const Holdout *h, const uint16_t *labels, int count, double share)
{
    assert_int_equal(h->train_count + h->validation_count, count);
    int8_t part[EXAMPLES] = {0};
    int sizes[CLASSES] = {0}, held[CLASSES] = {0};
    for (int i = 0; i < h->train_count; i++) {
        assert_true(i == 0 || h->train[i] > h->train[i - 1]);
        assert_in_range(h->train[i], 0, count - 1);
        part[h->train[i]]++;
        sizes[labels[h->train[i]]]++;
    }
    for (int i = 0; i < h->validation_count; i++) {
        assert_true(i == 0 || h->validation[i] > h->validation[i - 1]);
        assert_in_range(h->validation[i], 0, count - 1);
        part[h->validation[i]]++;
        sizes[labels[h->validation[i]]]++;
        held[labels[h->validation[i]]]++;
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(part[i], 1);
    for (int c = 0; c < CLASSES; c++) {
        CHECK_NEAR(held[c], share * sizes[c], 0.5);
        assert_true(held[c] < sizes[c] || sizes[c] == 0);
    }
}

static void each_class_gives_its_share(void **state)
{
    (void)state;
    static const double SHARES[] = {0.05, 0.1, 0.25, 0.5};
    static const int COUNTS[] = {EXAMPLES, 80};
    uint16_t labels[EXAMPLES];
    make_labels(labels);
    const Split split = {.count = EXAMPLES, .labels = labels};
    Error err = {0};
    for (size_t s = 0; s < COUNT(SHARES); s++)
        for (size_t n = 0; n < COUNT(COUNTS); n++) {
            Holdout h;
            CHECK_OK(holdout_new(&split, COUNTS[n], CLASSES, SHARES[s], 5, &h, &err), err);
            check_parts(&h, labels, COUNTS[n], SHARES[s]);
            holdout_free(&h);
        }
}

static void the_seed_chooses(void **state)
{
    (void)state;
    uint16_t labels[EXAMPLES];
    make_labels(labels);
    const Split split = {.count = EXAMPLES, .labels = labels};
    Error err = {0};
    Holdout a, again, b;
    CHECK_OK(holdout_new(&split, EXAMPLES, CLASSES, 0.2, 1, &a, &err), err);
    CHECK_OK(holdout_new(&split, EXAMPLES, CLASSES, 0.2, 1, &again, &err), err);
    CHECK_OK(holdout_new(&split, EXAMPLES, CLASSES, 0.2, 2, &b, &err), err);
    const size_t bytes = (size_t)a.validation_count * sizeof *a.validation;
    assert_int_equal(again.validation_count, a.validation_count);
    assert_int_equal(b.validation_count, a.validation_count);
    assert_memory_equal(again.validation, a.validation, bytes);
    assert_memory_not_equal(b.validation, a.validation, bytes);
    // Drawn from all over the class, not from its beginning.
    assert_true(a.validation[0] < EXAMPLES / 4);
    assert_true(a.validation[a.validation_count - 1] > EXAMPLES * 3 / 4);
    holdout_free(&a);
    holdout_free(&again);
    holdout_free(&b);
}

static void without_a_share_all_train(void **state)
{
    (void)state;
    uint16_t labels[EXAMPLES];
    make_labels(labels);
    const Split split = {.count = EXAMPLES, .labels = labels};
    Error err = {0};
    Holdout h;
    CHECK_OK(holdout_new(&split, 50, CLASSES, 0, 5, &h, &err), err);
    assert_int_equal(h.train_count, 50);
    assert_int_equal(h.validation_count, 0);
    assert_null(h.validation);
    for (int i = 0; i < 50; i++)
        assert_int_equal(h.train[i], i);
    holdout_free(&h);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    uint16_t labels[EXAMPLES];
    make_labels(labels);
    const Split split = {.count = EXAMPLES, .labels = labels};
    Error err;
    Holdout h;
    CHECK_REFUSED(holdout_new(&split, EXAMPLES, CLASSES, 0.6, 1, &h, &err), err, ERR_INVALID,
                  "validation_split must be 0 to 0.5, got 0.6");
    CHECK_REFUSED(holdout_new(&split, EXAMPLES, CLASSES, -0.1, 1, &h, &err), err, ERR_INVALID,
                  "validation_split must be 0 to 0.5, got -0.1");
    CHECK_REFUSED(holdout_new(&split, 20, CLASSES, 0.001, 1, &h, &err), err, ERR_INVALID,
                  "validation_split 0.001 of 20 examples holds none out");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_gives_its_share),
        cmocka_unit_test(the_seed_chooses),
        cmocka_unit_test(without_a_share_all_train),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return RUN_TESTS(tests);
}
