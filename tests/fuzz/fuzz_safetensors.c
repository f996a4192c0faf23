/* tests/fuzz/fuzz_safetensors.c -- any bytes at all are a safetensors file or are refused with a
 * sentence. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/train/files/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Error err = {0};
    SafeFile *f = NULL;
    if (!safetensors_parse("input", bytes, size, &f, &err)) {
        assert(!f && err.code == ERR_INVALID && strncmp(err.message, "input", 5) == 0);
        return 0;
    }
    for (size_t i = 0; i < safetensors_count(f); i++) {
        const SafeTensor *t = safetensors_at(f, i);
        assert(safetensors_find(f, t->name) == t);
        if (t->type == SAFE_OTHER)
            continue;
        size_t count = 1;
        for (int d = 0; d < t->dim_count; d++)
            count *= (size_t)t->dims[d];
        // Touch every promised number: AddressSanitizer knows how many are there.
        volatile float last = 0;
        for (size_t k = 0; k < count; k++)
            last = t->type == SAFE_I64 ? (float)t->integers[k] : t->data[k];
        (void)last;
    }
    safetensors_metadata(f, "format");
    safetensors_close(f);
    return 0;
}
