/* tests/fuzz/fuzz_packed.c -- any bytes at all are the index of a packed set or are refused with a
 * sentence.
 *
 * The input is parsed as it is, and once more with the digest and the checksum that it should have,
 * which no fuzzer finds. What is accepted is written again as the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/data/packed/packed_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void parse(const char *text, size_t size)
{
    Error err = {0};
    PackedIndex *x = NULL;
    if (packed_index_parse("input", text, size, &x, &err)) {
        char *again;
        size_t length;
        assert(packed_info_check(&x->info, NULL));
        assert(x->info.classes >= 1 && x->counts[0] >= 0 && x->counts[1] >= 0);
        assert(packed_index_text(x, &again, &length, &err));
        assert(length == size && memcmp(again, text, size) == 0);
        free(again);
        packed_index_free(x);
    } else {
        assert(x == NULL);
        assert(err.code == ERR_DAMAGED && strncmp(err.message, "input", 5) == 0);
        assert(!strchr(err.message, '\n'));
    }
}

static void hex_of(const char *text, size_t size, bool without_notes, char hex[65])
{
    Sha256 sha = sha256_new();
    for (const char *line = text, *end = text + size, *next; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        next = newline ? newline + 1 : end;
        if (!without_notes || next - line < 5 || memcmp(line, "note ", 5) != 0)
            sha256_add(&sha, line, (size_t)(next - line));
    }
    sha256_hex(&sha, hex);
}

/* With the last two lines put right, where they are missing or as long as they should be. */
static void parse_sealed(const uint8_t *bytes, size_t size)
{
    enum { DIGEST = 7 + 64 + 1, CHECKSUM = 9 + 64 + 1 };
    char hex[65];
    size_t body = size;
    if (size >= DIGEST + CHECKSUM && memcmp(bytes + size - CHECKSUM, "checksum ", 9) == 0)
        body = size - DIGEST - CHECKSUM;
    char *text = xcalloc(body + DIGEST + CHECKSUM + 1, 1);
    memcpy(text, bytes, body);
    hex_of(text, body, true, hex);
    memcpy(text + body, "digest ", 7);
    memcpy(text + body + 7, hex, 64);
    text[body + DIGEST - 1] = '\n';
    hex_of(text, body + DIGEST, false, hex);
    memcpy(text + body + DIGEST, "checksum ", 9);
    memcpy(text + body + DIGEST + 9, hex, 64);
    text[body + DIGEST + CHECKSUM - 1] = '\n';
    parse(text, body + DIGEST + CHECKSUM);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    parse((const char *)bytes, size);
    parse_sealed(bytes, size);
    return 0;
}
