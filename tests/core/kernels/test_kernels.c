/* tests/core/kernels/test_kernels.c -- our own loops against plain ones, over sizes that leave
 * tails. */
#include "core/base/bf16.h"
#include "core/base/rng.h"
#include "core/kernels/relu_mask.h"
#include "core/kernels/sum.h"
#include "tests/check.h"

static const int CHANNELS[] = {1, 7, 64, 2047, 2048, 2049, 5000};

static Tensor *tensor_of(const Dnn *dnn, int channels, dnnl_data_type_t type, uint64_t seed)
{
    Error err = {0};
    Tensor *t = NULL;
    CHECK_OK(tensor_new(dnn, (Shape){channels, 1, 1}, 3, type, &t, &err), err);
    void *data = xcalloc(t->bytes, 1);
    CHECK_OK(tensor_place(t, data, &err), err);
    float *numbers = xcalloc(tensor_count(t), sizeof *numbers);
    Rng rng = rng_new(seed, RNG_TEST, 0);
    for (size_t i = 0; i < tensor_count(t); i++)
        numbers[i] = i % 5 == 0 ? 0 : (float)rng_normal(&rng);
    tensor_write_nchw(t, numbers);
    free(numbers);
    return t;
}

static float *numbers_of(const Tensor *t)
{
    float *numbers = xcalloc(tensor_count(t), sizeof *numbers);
    tensor_read_nchw(t, numbers);
    return numbers;
}

static void release(Tensor *t)
{
    free(t->data);
    tensor_free(t);
}

static void mask_keeps_what_stands_at_positive_values(void **state)
{
    const Dnn *dnn = *state;
    for (size_t c = 0; c < 2 * COUNT(CHANNELS); c++) {
        const dnnl_data_type_t type = c % 2 ? dnnl_bf16 : dnnl_f32;
        Tensor *diff = tensor_of(dnn, CHANNELS[c / 2], type, 1);
        Tensor *value = tensor_of(dnn, CHANNELS[c / 2], type, 2);
        float *before = numbers_of(diff), *values = numbers_of(value);
        relu_mask(diff, value);
        float *after = numbers_of(diff);
        for (size_t i = 0; i < tensor_count(diff); i++)
            assert_true(after[i] == (values[i] > 0 ? before[i] : 0));
        free(before);
        free(values);
        free(after);
        release(diff);
        release(value);
    }
}

static void sums_are_rounded_once(void **state)
{
    const Dnn *dnn = *state;
    for (size_t c = 0; c < 2 * COUNT(CHANNELS); c++) {
        const dnnl_data_type_t type = c % 2 ? dnnl_bf16 : dnnl_f32;
        Tensor *srcs[4], *dst = tensor_of(dnn, CHANNELS[c / 2], type, 9);
        float *parts[4];
        for (int k = 0; k < 4; k++) {
            srcs[k] = tensor_of(dnn, CHANNELS[c / 2], type, (uint64_t)k);
            parts[k] = numbers_of(srcs[k]);
        }
        for (int count = 1; count <= 4; count++) {
            sum_tensors(dst, srcs, count);
            float *got = numbers_of(dst);
            for (size_t i = 0; i < tensor_count(dst); i++) {
                float want = parts[0][i];
                for (int k = 1; k < count; k++)
                    want += parts[k][i];
                assert_true(got[i]
                            == (type == dnnl_f32 ? want : bf16_to_float(float_to_bf16(want))));
            }
            free(got);
        }
        for (int k = 0; k < 4; k++) {
            release(srcs[k]);
            free(parts[k]);
        }
        release(dst);
    }
}

static void bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        float x;
        uint16_t bits;
    } CASES[] = {
        {0, 0},
        {1, 0x3f80},
        {-2.5f, 0xc020},
        {0x1.01p0f, 0x3f80},      // halfway between 1 and 1 + 2^-7: to the even one
        {0x1.03p0f, 0x3f82},      // halfway, the even one is above
        {0x1.010002p0f, 0x3f81},  // a little more than halfway
        {INFINITY, 0x7f80},
        {0x1.fffffep127f, 0x7f80},  // the largest float32 rounds to infinity
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(float_to_bf16(CASES[i].x), CASES[i].bits);
    assert_true(isnan(bf16_to_float(float_to_bf16(NAN))));
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float x = bf16_to_float((uint16_t)bits);
        if (!isnan(x))
            assert_int_equal(float_to_bf16(x), bits);
    }
}

static int setup(void **state)
{
    Error err = {0};
    Dnn *dnn = NULL;
    CHECK_OK(dnn_new(&dnn, &err), err);
    *state = dnn;
    return 0;
}

static int teardown(void **state)
{
    dnn_free(*state);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_keeps_what_stands_at_positive_values),
        cmocka_unit_test(sums_are_rounded_once),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
