/* tests/core/kernels/test_kernels.c -- our own loops against plain ones, over sizes that leave
 * tails. */
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"
#include "core/kernels/relu.h"
#include "core/kernels/sum.h"
#include "core/kernels/vec.h"
#include "core/kernels/vec_transpose.h"
#include "tests/check.h"
#include "tests/core/kernels/nan_bits.h"

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
        relu_mask(diff, diff, value);
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

static void relu_drops_what_is_below_zero(void **state)
{
    const Dnn *dnn = *state;
    for (size_t c = 0; c < 2 * COUNT(CHANNELS); c++) {
        const dnnl_data_type_t type = c % 2 ? dnnl_bf16 : dnnl_f32;
        Tensor *src = tensor_of(dnn, CHANNELS[c / 2], type, 3);
        Tensor *dst = tensor_of(dnn, CHANNELS[c / 2], type, 4);
        relu_forward(dst, src);
        float *got = numbers_of(dst), *numbers = numbers_of(src);
        for (size_t i = 0; i < tensor_count(src); i++)
            assert_true(got[i] == (numbers[i] > 0 ? numbers[i] : 0));
        free(got);
        free(numbers);
        release(src);
        release(dst);
    }
}

/* A tensor of odd bits, over and over. */
static Tensor *odd_tensor(const Dnn *dnn, dnnl_data_type_t type)
{
    Tensor *t = tensor_of(dnn, 64 + 5, type, 1);
    for (size_t i = 0; i < tensor_count(t); i++) {
        const uint32_t bits = ODD_BITS[i % COUNT(ODD_BITS)];
        if (type == dnnl_f32)
            ((uint32_t *)t->data)[i] = bits;
        else
            ((uint16_t *)t->data)[i] = (uint16_t)(bits >> 16);
    }
    return t;
}

static void relu_and_its_mask_lose_no_nan(void **state)
{
    const Dnn *dnn = *state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        Tensor *odd = odd_tensor(dnn, bf16 ? dnnl_bf16 : dnnl_f32);
        Tensor *dst = odd_tensor(dnn, odd->type), *diff = tensor_of(dnn, 64 + 5, odd->type, 7);
        float *values = numbers_of(odd), *before = numbers_of(diff);
        relu_forward(dst, odd);
        relu_mask(diff, diff, odd);
        float *got = numbers_of(dst), *after = numbers_of(diff);
        for (size_t i = 0; i < tensor_count(odd); i++) {
            const float x = values[i];
            assert_true(isnan(x) ? isnan(got[i]) : got[i] == fmaxf(x, 0));
            assert_true(after[i] == (isnan(x) || x > 0 ? before[i] : 0));
        }
        free(values);
        free(before);
        free(got);
        free(after);
        release(odd);
        release(dst);
        release(diff);
    }
}

/* The loops of files that are compiled for any CPU. */
static void vectors_lose_no_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ODD_BITS); i++) {
        const float x = float_of_bits(ODD_BITS[i]);
        Vec v = {0};
        v += x;
        uint16_t half[VEC], pairs[2 * VEC];
        vec_store(half, &v, true);
        vec_store_pairs(pairs, &v, &v);
        vec_relu(&v);
        for (int lane = 0; lane < VEC; lane++) {
            const float rounded = bf16_to_float(half[lane]), pair = bf16_to_float(pairs[2 * lane]);
            assert_true(isnan(x) ? isnan(v[lane]) : v[lane] == fmaxf(x, 0));
            assert_true(isnan(x) ? isnan(rounded) : rounded == x);
            assert_true(isnan(x) ? isnan(pair) : pair == x);
        }
        assert_true(isnan(x) == isnan(bf16_to_float(float_to_bf16(x))));
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
            sum_tensors(dst, srcs, count, NULL);
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

static void a_square_is_transposed(void **state)
{
    (void)state;
    VecBits rows[VEC];
    for (uint32_t i = 0; i < VEC; i++) {
        for (uint32_t j = 0; j < VEC; j++)
            rows[i][j] = i << 16 | j;
    }
    vec_transpose(rows);
    for (uint32_t i = 0; i < VEC; i++) {
        for (uint32_t j = 0; j < VEC; j++)
            assert_int_equal(rows[i][j], j << 16 | i);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_keeps_what_stands_at_positive_values),
        cmocka_unit_test(relu_drops_what_is_below_zero),
        cmocka_unit_test(relu_and_its_mask_lose_no_nan),
        cmocka_unit_test(vectors_lose_no_nan),
        cmocka_unit_test(sums_are_rounded_once),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(a_square_is_transposed),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
