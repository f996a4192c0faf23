#include "core/train/files/safetensors_foreign.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/half.h"

/* ---- Types ---- */

static void copy_4(const uint8_t *bytes, size_t count, void *numbers)
{
    memcpy(numbers, bytes, count * sizeof(float));
}

static void copy_8(const uint8_t *bytes, size_t count, void *numbers)
{
    memcpy(numbers, bytes, count * sizeof(int64_t));
}

static void widen(const uint8_t *bytes, size_t count, float (*to_float)(uint16_t), float *numbers)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
        numbers[i] = to_float(bits);
    }
}

static void widen_half(const uint8_t *bytes, size_t count, void *numbers)
{
    widen(bytes, count, half_to_float, numbers);
}

static void widen_bf16(const uint8_t *bytes, size_t count, void *numbers)
{
    widen(bytes, count, bf16_to_float, numbers);
}

/* Beyond the range of a float it becomes infinite, which no model may be. */
static void narrow_double(const uint8_t *bytes, size_t count, void *numbers)
{
    float *floats = numbers;
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        floats[i] = (float)value;
    }
}

static const SafeStored STORED[] = {
    {"F32", 4, SAFE_F32, copy_4},        {"I64", 8, SAFE_I64, copy_8},
    {"F16", 2, SAFE_F32, widen_half},    {"BF16", 2, SAFE_F32, widen_bf16},
    {"F64", 8, SAFE_F32, narrow_double}, {"BOOL", 1, SAFE_OTHER, NULL},
    {"U8", 1, SAFE_OTHER, NULL},         {"I8", 1, SAFE_OTHER, NULL},
    {"I16", 2, SAFE_OTHER, NULL},        {"U16", 2, SAFE_OTHER, NULL},
    {"I32", 4, SAFE_OTHER, NULL},        {"U32", 4, SAFE_OTHER, NULL},
    {"U64", 8, SAFE_OTHER, NULL},
};

const SafeStored *safe_stored_find(const char *dtype)
{
    static const SafeStored UNKNOWN = {"", 0, SAFE_OTHER, NULL};
    for (size_t i = 0; i < COUNT(STORED); i++)
        if (strcmp(dtype, STORED[i].name) == 0)
            return &STORED[i];
    return &UNKNOWN;
}

bool safe_stored_in_place(const SafeStored *stored, const uint8_t *bytes)
{
    const bool as_it_is = stored->convert == copy_4 || stored->convert == copy_8;
    return as_it_is && (uintptr_t)bytes % stored->bytes == 0;
}

void *safe_stored_convert(const SafeStored *stored, const uint8_t *bytes, size_t count)
{
    void *numbers = malloc((count ? count : 1) * SAFE_TYPE_INFO[stored->type].bytes);
    if (numbers)
        stored->convert(bytes, count, numbers);
    return numbers;
}

/* ---- Names ---- */

enum { OTHERS = 8 };  // tensors of a wrapper's own: the count of averages, the weights of a loss

static bool begins(const char *name, const char *word)
{
    return strncmp(name, word, strlen(word)) == 0 && name[strlen(word)] != '\0';
}

/* Two tensors would have one name. */
static bool clashes(const SafeTensor *tensors, size_t count, const char *word, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (begins(tensors[i].name, word) && strcmp(tensors[i].name + strlen(word), name) == 0)
            return true;
    return false;
}

static bool unwrap(SafeTensor *tensors, size_t count, const char *word)
{
    size_t others = 0;
    for (size_t i = 0; i < count && others <= OTHERS; i++)
        others += !begins(tensors[i].name, word);
    if (others > OTHERS || 2 * others >= count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!begins(tensors[i].name, word) && clashes(tensors, count, word, tensors[i].name))
            return false;
    for (size_t i = 0; i < count; i++)
        if (begins(tensors[i].name, word))
            tensors[i].name += strlen(word);
    return true;
}

void safe_unwrap_names(SafeTensor *tensors, size_t count)
{
    static const char *const WORDS[] = {"module.", "_orig_mod.", "state_dict.", "model.", "net."};
    // One wrapper may stand in another; each round takes one off.
    bool more = true;
    for (int rounds = 0; more && rounds < 4; rounds++) {
        more = false;
        for (size_t i = 0; i < COUNT(WORDS) && !more; i++)
            more = unwrap(tensors, count, WORDS[i]);
    }
}

/* ---- Other formats ---- */

const char *safe_other_format(const uint8_t *bytes, size_t size)
{
    static const char PICKLE[] = "a pickle, as torch.save wrote it once; "
                                 "safetensors.torch.save_file writes what is read here";
    static const struct {
        const char *start;
        size_t length;
        const char *kind;
    } FORMATS[] = {
        {"PK\3\4", 4,
         "a zip archive, as torch.save writes it; "
         "safetensors.torch.save_file writes what is read here"},
        {"\x80\x02", 2, PICKLE},
        {"\x80\x03", 2, PICKLE},
        {"\x80\x04", 2, PICKLE},
        {"\x80\x05", 2, PICKLE},
        {"version https://git-lfs", 23, "a pointer of Git LFS; `git lfs pull` brings the file"},
        {"\x89HDF", 4, "an HDF5 file"},
        {"\x93NUMPY", 6, "a NumPy array"},
        {"GGUF", 4, "a GGUF file"},
        {"\x1f\x8b", 2, "compressed by gzip"},
        {"<!DOCTYPE", 9, "a web page"},
        {"<!doctype", 9, "a web page"},
        {"<html", 5, "a web page"},
    };
    // What begins so and is one all the same has its header's JSON behind the length.
    if (size > 8 && bytes[8] == '{')
        return NULL;
    for (size_t i = 0; i < COUNT(FORMATS); i++)
        if (size >= FORMATS[i].length && memcmp(bytes, FORMATS[i].start, FORMATS[i].length) == 0)
            return FORMATS[i].kind;
    return NULL;
}
