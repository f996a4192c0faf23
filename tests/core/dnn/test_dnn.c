/* oneDNN as this program sets it up. */
#include "core/dnn/dnn.h"

#include "tests/check.h"

static void float32_is_float32_whatever_the_environment_says(void **state)
{
    (void)state;
    Error err = {0};
    Dnn *dnn = NULL;
    dnnl_fpmath_mode_t mode = dnnl_fpmath_mode_any;
    // As ONEDNN_DEFAULT_FPMATH_MODE=ANY does.
    assert_int_equal(dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_any), dnnl_success);
    CHECK_OK(dnn_new(&dnn, &err), err);
    assert_int_equal(dnnl_get_default_fpmath_mode(&mode), dnnl_success);
    assert_int_equal(mode, dnnl_fpmath_mode_strict);
    dnn_free(dnn);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_is_float32_whatever_the_environment_says),
    };
    return RUN_TESTS(tests);
}
