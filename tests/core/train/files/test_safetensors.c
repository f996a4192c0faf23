/* tests/core/train/files/test_safetensors.c -- files of ours and of others, whole and damaged. */
#include "core/train/files/safetensors.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

enum { ROOM = 4096 };

typedef struct {
    uint8_t bytes[ROOM];
    size_t size;
} Bytes;

/* A file with this header and `data` bytes of zeros behind it. */
static Bytes file_of(const char *header, size_t data)
{
    Bytes b = {.size = 8 + strlen(header) + data};
    assert_true(b.size <= ROOM);
    for (int i = 0; i < 8; i++)
        b.bytes[i] = (uint8_t)(strlen(header) >> (8 * i));
    memcpy(b.bytes + 8, header, strlen(header));
    return b;
}

static const float A[] = {1, -2.5f, 3}, B[] = {0.125f, 1e-30f, -1e30f, 7};
static const SafeTensor TENSORS[] = {
    {.name = "a \"quoted\" name", .dims = {3}, .dim_count = 1, .data = A},
    {.name = "b", .dims = {2, 1, 2}, .dim_count = 3, .data = B},
};
static const SafeMeta METADATA[] = {{"format", "test"}, {"line", "one\ntwo"}};

static void path_of(char *path, const char *name)
{
    snprintf(path, 128, "/tmp/test_safetensors.%d.%s", (int)getpid(), name);
}

static void write_file(const char *path)
{
    Error err = {0};
    CHECK_OK(safetensors_write(path, TENSORS, 2, METADATA, 2, &err), err);
}

static Bytes read_bytes(const char *path)
{
    Bytes b = {0};
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    b.size = fread(b.bytes, 1, ROOM, f);
    fclose(f);
    return b;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "round");
    write_file(path);
    SafeFile *f = NULL;
    CHECK_OK(safetensors_open(path, &f, &err), err);
    assert_int_equal(safetensors_count(f), 2);
    const SafeTensor *a = safetensors_find(f, "a \"quoted\" name"), *b = safetensors_find(f, "b");
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->dim_count, 1);
    assert_int_equal(b->dim_count, 3);
    assert_int_equal(b->dims[2], 2);
    assert_memory_equal(a->data, A, sizeof A);
    assert_memory_equal(b->data, B, sizeof B);
    assert_string_equal(safetensors_metadata(f, "line"), "one\ntwo");
    assert_null(safetensors_metadata(f, "absent"));
    assert_null(safetensors_find(f, "__metadata__"));
    safetensors_close(f);

    // Equal contents, equal bytes; and the data starts at a multiple of 8.
    const Bytes first = read_bytes(path);
    write_file(path);
    const Bytes second = read_bytes(path);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    assert_int_equal((first.size - sizeof A - sizeof B) % 8, 0);
    unlink(path);
}

static void integers_come_back_and_stand_aligned(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "integers");
    const int64_t many = INT64_MAX - 1, few[] = {-1, 2};
    const SafeTensor tensors[] = {
        {.name = "a", .dims = {3}, .dim_count = 1, .data = A},
        {.name = "batches", .dim_count = 0, .type = SAFE_I64, .integers = &many},
        {.name = "few", .dims = {2}, .dim_count = 1, .type = SAFE_I64, .integers = few},
    };
    CHECK_OK(safetensors_write(path, tensors, 3, NULL, 0, &err), err);
    SafeFile *f = NULL;
    CHECK_OK(safetensors_open(path, &f, &err), err);
    const SafeTensor *batches = safetensors_find(f, "batches");
    assert_true(batches->type == SAFE_I64 && !batches->data && batches->dim_count == 0);
    assert_true(batches->integers[0] == many);
    assert_memory_equal(safetensors_find(f, "few")->integers, few, sizeof few);
    assert_memory_equal(safetensors_find(f, "a")->data, A, sizeof A);
    // In the file, too, every number is at a multiple of its size.
    assert_string_equal(safetensors_at(f, 2)->name, "a");
    safetensors_close(f);
    unlink(path);
}

static void misaligned_and_reordered_files_are_read(void **state)
{
    (void)state;
    Error err = {0};
    // 1 + 2 floats; entries against the order of the data; a header length that is no multiple
    // of 4.
    const char *header = "{\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},"
                         "\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}} ";
    Bytes b = file_of(header, 12);
    const float data[] = {5, 6, 7};
    memcpy(b.bytes + 8 + strlen(header), data, sizeof data);
    SafeFile *f = NULL;
    for (size_t shift = 0; shift < 4; shift++) {
        uint8_t *moved = xcalloc(b.size + shift, 1);
        memcpy(moved + shift, b.bytes, b.size);
        CHECK_OK(safetensors_parse("file", moved + shift, b.size, &f, &err), err);
        assert_true(safetensors_find(f, "x")->data[0] == 5);
        assert_true(safetensors_find(f, "y")->data[1] == 7);
        safetensors_close(f);
        free(moved);
    }
}

/* By the definition, in double precision. */
static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 0x1f)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    return exponent == 0 ? sign * ldexp(fraction, -24)
                         : sign * ldexp(1024 + fraction, exponent - 25);
}

/* Every number of either type, and floats behind them. */
static void sixteen_bits_are_read_as_floats(void **state)
{
    (void)state;
    enum { COUNT16 = 1 << 16, BYTES = 2 * COUNT16 };
    const char *header =
        "{\"half\":{\"dtype\":\"F16\",\"shape\":[256,256],\"data_offsets\":[0,131072]},"
        "\"brain\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[131072,262144]},"
        "\"x\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[262144,262156]}}";
    const size_t length = strlen(header), size = 8 + length + 2 * BYTES + sizeof A;
    uint8_t *bytes = xcalloc(size, 1);
    Error err = {0};
    SafeFile *f = NULL;
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < 2 * COUNT16; i++) {
        const uint16_t bits = (uint16_t)i;
        memcpy(bytes + 8 + length + 2 * i, &bits, sizeof bits);
    }
    memcpy(bytes + 8 + length + 2 * BYTES, A, sizeof A);
    CHECK_OK(safetensors_parse("file", bytes, size, &f, &err), err);
    const SafeTensor *half = safetensors_find(f, "half"), *brain = safetensors_find(f, "brain");
    assert_true(half->type == SAFE_F32 && brain->type == SAFE_F32);
    assert_int_equal(half->dim_count, 2);
    for (uint32_t i = 0; i < COUNT16; i++) {
        const double want = half_value((uint16_t)i), got = (double)half->data[i];
        assert_true(isnan(want) ? isnan(got) : want == got && signbit(want) == signbit(got));
        const uint32_t wide = i << 16;
        assert_memory_equal(&brain->data[i], &wide, sizeof wide);
    }
    assert_memory_equal(safetensors_find(f, "x")->data, A, sizeof A);
    safetensors_close(f);
    free(bytes);
}

/* Doubles, at an odd place; and types whose numbers nobody wants, one of them not known at all. */
static void other_types_are_converted_or_listed(void **state)
{
    (void)state;
    const char *header = "{\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]},"
                         "\"wide\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[3,27]},"
                         "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[27,35]},"
                         "\"x\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[35,47]},"
                         "\"tiny\":{\"dtype\":\"F8_NEW\",\"shape\":[5],\"data_offsets\":[47,52]}}";
    const double wide[] = {0.1, -1e300, 3};
    const int64_t many = -5;
    Bytes b = file_of(header, 52);
    uint8_t *data = b.bytes + 8 + strlen(header);
    memcpy(data + 3, wide, sizeof wide);
    memcpy(data + 27, &many, sizeof many);
    memcpy(data + 35, A, sizeof A);
    Error err = {0};
    SafeFile *f = NULL;
    CHECK_OK(safetensors_parse("file", b.bytes, b.size, &f, &err), err);
    const SafeTensor *t = safetensors_find(f, "wide");
    assert_true(t->type == SAFE_F32 && t->data[0] == 0.1f && t->data[2] == 3);
    assert_true(isinf(t->data[1]) && t->data[1] < 0);
    assert_true(*safetensors_find(f, "n")->integers == many);
    assert_memory_equal(safetensors_find(f, "x")->data, A, sizeof A);
    static const char *const LISTED[] = {"flags", "tiny"};
    for (size_t i = 0; i < COUNT(LISTED); i++) {
        t = safetensors_find(f, LISTED[i]);
        assert_true(t->type == SAFE_OTHER && !t->data && !t->integers);
    }
    assert_string_equal(t->stored_as, "F8_NEW");
    safetensors_close(f);
}

/* A file of one number under each of the names; the names as they are read, with "|" between. */
static void check_names(const char *const *names, size_t count, const char *want)
{
    char header[4096] = "{", read[1024] = "";
    for (size_t i = 0; i < count; i++)
        sprintf(header + strlen(header),
                "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[%zu,%zu]}",
                i ? "," : "", names[i], 4 * i, 4 * i + 4);
    strcat(header, "}");
    const Bytes b = file_of(header, 4 * count);
    Error err = {0};
    SafeFile *f = NULL;
    CHECK_OK(safetensors_parse("file", b.bytes, b.size, &f, &err), err);
    for (size_t i = 0; i < safetensors_count(f); i++)
        sprintf(read + strlen(read), "%s%s", i ? "|" : "", safetensors_at(f, i)->name);
    assert_string_equal(read, want);
    safetensors_close(f);
}

#define CHECK_NAMES(want, ...)                                                                     \
    check_names((const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), want)

static void the_words_of_wrappers_are_taken_off(void **state)
{
    (void)state;
    CHECK_NAMES("0.weight|0.bias", "module.0.weight", "module.0.bias");
    CHECK_NAMES("a|b|c", "module._orig_mod.a", "module._orig_mod.b", "module._orig_mod.c");
    CHECK_NAMES("a|b", "state_dict.model.a", "state_dict.model.b");
    // An average's own counter, a loss's weights.
    CHECK_NAMES("n_averaged|a|b|c", "n_averaged", "module.a", "module.b", "module.c");
    CHECK_NAMES("a|b|criterion.weight", "model.a", "model.b", "criterion.weight");
    // Those of few tensors are names of the network; two of one name would tell nothing.
    CHECK_NAMES("module.a|b|c", "module.a", "b", "c");
    CHECK_NAMES("module.a|module.b|module.c|a", "module.a", "module.b", "module.c", "a");
    CHECK_NAMES("module.", "module.");
    CHECK_NAMES("0.weight|modules.x", "0.weight", "modules.x");
}

static void files_of_other_formats_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *start, *message;
    } FILES[] = {
        {"PK\3\4\24", "it is a zip archive, as torch.save writes it"},
        {"\x80\2}q\1", "it is a pickle, as torch.save wrote it once"},
        {"version https://git-lfs.github.com/spec/v1", "it is a pointer of Git LFS"},
        {"GGUF\3", "it is a GGUF file"},
        {"<!DOCTYPE html>", "it is a web page"},
        {"\xff\xff\xff\xff", "its header would have"},
    };
    for (size_t i = 0; i < COUNT(FILES); i++) {
        uint8_t bytes[64] = {0};
        memcpy(bytes, FILES[i].start, strlen(FILES[i].start));
        Error err;
        SafeFile *f = NULL;
        assert_false(safetensors_parse("file", bytes, sizeof bytes, &f, &err));
        assert_non_null(strstr(err.message, "file is not a safetensors file: "));
        assert_non_null(strstr(err.message, FILES[i].message));
    }
    // A header of 0x04034b50 bytes would begin like a zip; what is JSON behind it is none.
    const uint8_t like[16] = {'P', 'K', 3, 4, 0, 0, 0, 0, '{'};
    Error err;
    SafeFile *f = NULL;
    assert_false(safetensors_parse("file", like, sizeof like, &f, &err));
    assert_non_null(strstr(err.message, "its header would have"));
}

#define F32(name, shape, begin, end)                                                               \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void faults_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } BAD[] = {
        {"[]", 0, "file has a damaged header: it is not a JSON object"},
        {"{", 0, "file has a damaged header: it is not a JSON object"},
        {"{} x", 0, "file has a damaged header: it is not a JSON object"},
        {"{\"x\":[[[[[1]]]]]}", 0, "file has a damaged header: it is not plain JSON"},
        {"{\"x\":1}", 0, "file: entry x is not an object"},
        {"{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "file: tensor x has no type"},
        {"{\"x\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
         "file: tensor x has 8 bytes, its shape needs 16"},
        {"{\"x\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
         "file: tensor x has 8 bytes, its shape needs 2"},
        {"{\"x\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2,
         "file: tensor x has 2 bytes, its shape needs 4"},
        {"{\"x\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "file: tensor x has 4 bytes, its shape needs 2"},
        {"{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "file: tensor x has no shape"},
        {"{" F32("x", "[1,1,1,1,1]", "0", "4") "}", 4,
         "file: tensor x has 5 dimensions, at most 4 are possible"},
        {"{" F32("x", "[-1]", "0", "4") "}", 4, "file: tensor x has a wrong shape"},
        {"{" F32("x", "[1.5]", "0", "4") "}", 4, "file: tensor x has a wrong shape"},
        {"{" F32("x", "[\"1\"]", "0", "4") "}", 4, "file: tensor x has a wrong shape"},
        {"{" F32("x", "[2000000000,2000000000]", "0", "4") "}", 4,
         "file: tensor x is larger than the file"},
        {"{" F32("x", "[1]", "4", "0") "}", 4, "file: tensor x has wrong offsets"},
        {"{" F32("x", "[1]", "0", "1e99") "}", 4, "file: tensor x has wrong offsets"},
        {"{" F32("x", "[1]", "0", "8") "}", 8, "file: tensor x has 8 bytes, its shape needs 4"},
        {"{" F32("x", "[2]", "0", "8") "}", 6,
         "file is cut off: tensor x ends 2 bytes behind the file"},
        {"{" F32("x", "[1]", "4", "8") "}", 8, "file: tensor x does not follow the one before it"},
        {"{" F32("x", "[1]", "0", "4") "," F32("y", "[1]", "0", "4") "}", 8,
         "file: tensor y does not follow the one before it"},
        {"{" F32("x", "[1]", "0", "4") "," F32("x", "[1]", "4", "8") "}", 8,
         "file names tensor x twice"},
        {"{" F32("x", "[1]", "0", "4") "}", 9, "file has 5 bytes that belong to no tensor"},
        {"{\"__metadata__\":[]}", 0, "file: __metadata__ is not an object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "file: metadata k is not a text"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        const Bytes b = file_of(BAD[i].header, BAD[i].data);
        Error err;
        SafeFile *f = NULL;
        CHECK_REFUSED(safetensors_parse("file", b.bytes, b.size, &f, &err), err, ERR_INVALID,
                      BAD[i].message);
        assert_null(f);
    }
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    char path[128];
    path_of(path, "cut");
    write_file(path);
    const Bytes whole = read_bytes(path);
    for (size_t size = 0; size < whole.size; size++) {
        Error err = {0};
        SafeFile *f = NULL;
        uint8_t *part = xcalloc(size, 1);  // its own block, so that ASan sees a read behind it
        memcpy(part, whole.bytes, size);
        assert_false(safetensors_parse("file", part, size, &f, &err));
        assert_non_null(strstr(err.message, "cut off"));
        free(part);
    }
    unlink(path);
}

static void a_flipped_bit_never_crashes(void **state)
{
    (void)state;
    char path[128];
    path_of(path, "flip");
    write_file(path);
    const Bytes whole = read_bytes(path);
    int refused = 0;
    for (size_t i = 0; i < whole.size * 8; i++) {
        Error err = {0};
        SafeFile *f = NULL;
        uint8_t *copy = xcalloc(whole.size, 1);
        memcpy(copy, whole.bytes, whole.size);
        copy[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (safetensors_parse("file", copy, whole.size, &f, &err))
            safetensors_close(f);
        else
            refused++;
        free(copy);
    }
    assert_true(refused > 1000);
    unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    Error err = {0};
    SafeFile *f = NULL;
    assert_false(safetensors_open("/nowhere/x.safetensors", &f, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    CHECK_REFUSED(safetensors_open("/tmp", &f, &err), err, ERR_INVALID, "/tmp is not a file");
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    Error err = {0};
    char path[128], tmp[160];
    path_of(path, "full");
    snprintf(tmp, sizeof tmp, "%s.tmp-", path);
    write_file(path);
    const Bytes before = read_bytes(path);
    const struct rlimit small = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const bool written = safetensors_write(path, TENSORS, 2, NULL, 0, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(written);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, tmp));
    const Bytes after = read_bytes(path);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    unlink(path);

    assert_false(safetensors_write("/nowhere/x.safetensors", TENSORS, 2, NULL, 0, &err));
    assert_string_equal(
        err.message, "cannot create a temporary file for /nowhere/x.safetensors: No such file or "
                     "directory");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(integers_come_back_and_stand_aligned),
        cmocka_unit_test(misaligned_and_reordered_files_are_read),
        cmocka_unit_test(sixteen_bits_are_read_as_floats),
        cmocka_unit_test(other_types_are_converted_or_listed),
        cmocka_unit_test(the_words_of_wrappers_are_taken_off),
        cmocka_unit_test(files_of_other_formats_are_named),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_flipped_bit_never_crashes),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
    };
    return RUN_TESTS(tests);
}
