#include "server/data/intake/layout/utf16.h"

#include <stdbool.h>

#include "core/base/memory.h"
#include "core/base/text.h"

static uint32_t unit(const uint8_t *at, bool big)
{
    return big ? (uint32_t)(at[0] << 8 | at[1]) : (uint32_t)(at[1] << 8 | at[0]);
}

char *utf16_to_utf8(const uint8_t *bytes, size_t size, size_t *length)
{
    const bool big = size >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff;
    const bool little = size >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe;
    if (!big && !little)
        return NULL;
    char *text = xcalloc(size / 2 * 3 + 1, 1), *out = text;
    for (size_t i = 2; i + 1 < size; i += 2) {
        uint32_t code = unit(bytes + i, big);
        if (code >= 0xd800 && code < 0xe000) {
            const uint32_t low = i + 3 < size ? unit(bytes + i + 2, big) : 0;
            const bool pair = code < 0xdc00 && low >= 0xdc00 && low < 0xe000;
            code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
            i += pair ? 2 : 0;
        }
        out += utf8_put(code, out);
    }
    *length = (size_t)(out - text);
    return text;
}
