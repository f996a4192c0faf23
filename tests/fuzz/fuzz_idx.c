/* tests/fuzz/fuzz_idx.c -- any bytes at all are an IDX file or are refused with a sentence. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/data/mnist/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void parse(const uint8_t *bytes, size_t size, IdxKind kind)
{
    Error err = {0};
    Idx idx;
    if (idx_parse("input", bytes, size, kind, &idx, &err)) {
        const size_t items = (size_t)idx.count * (size_t)idx.height * (size_t)idx.width;
        // Touch every promised byte: AddressSanitizer knows how many are there.
        uint8_t highest = 0;
        for (size_t i = 0; i < items; i++)
            highest = idx.data[i] > highest ? idx.data[i] : highest;
        assert(idx.count >= 1 && idx.height >= 1 && idx.width >= 1);
        assert(kind == IDX_IMAGES || (idx.height == 1 && idx.width == 1));
        idx.data[items - 1] = highest;
        idx_free(&idx);
    } else {
        assert(idx.data == NULL);
        assert(err.code == ERR_INVALID && strncmp(err.message, "input", 5) == 0);
        assert(!strchr(err.message, '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    parse(bytes, size, IDX_LABELS);
    parse(bytes, size, IDX_IMAGES);
    return 0;
}
