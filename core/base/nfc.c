#include "core/base/nfc.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/nfc_pairs.h"
#include "core/base/text.h"

static uint32_t decode(const char *at, size_t length)
{
    static const uint8_t MASK[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (uint8_t)at[0] & MASK[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)at[i] & 0x3f);
    return code;
}

/* Syllables of Korean are two or three letters, by a formula. */
static uint32_t compose_hangul(uint32_t first, uint32_t next)
{
    enum {
        SYLLABLE = 0xac00,
        LEAD = 0x1100,
        LEADS = 19,
        VOWEL = 0x1161,
        VOWELS = 21,
        TAIL = 0x11a7,
        TAILS = 28
    };
    if (first >= LEAD && first < LEAD + LEADS && next >= VOWEL && next < VOWEL + VOWELS)
        return SYLLABLE + ((first - LEAD) * VOWELS + (next - VOWEL)) * TAILS;
    const bool open = first >= SYLLABLE && first < SYLLABLE + LEADS * VOWELS * TAILS
                      && (first - SYLLABLE) % TAILS == 0;
    return open && next > TAIL && next < TAIL + TAILS ? first + (next - TAIL) : 0;
}

static int compare_pairs(const void *one, const void *other)
{
    const NfcPair *a = one, *b = other;
    return a->letter != b->letter ? a->letter - b->letter : a->mark - b->mark;
}

/* The character that both are; 0: there is none. */
static uint32_t compose(uint32_t first, uint32_t next)
{
    if (first > UINT16_MAX || next > UINT16_MAX)
        return 0;
    const NfcPair key = {(uint16_t)first, (uint16_t)next, 0};
    const NfcPair *found =
        bsearch(&key, NFC_PAIRS, COUNT(NFC_PAIRS), sizeof *NFC_PAIRS, compare_pairs);
    return found ? found->both : compose_hangul(first, next);
}

char *nfc_text(const char *text)
{
    const size_t size = strlen(text);
    size_t plain = 0;
    while ((uint8_t)text[plain] - 1u < 0x7f)
        plain++;
    if (plain == size)
        return xstrdup(text);
    // No composed character is longer than its two parts.
    char *composed = xcalloc(size + 1, 1), *out = composed;
    uint32_t last = 0;
    char *last_at = out;  // where it stands
    for (const char *at = text, *end = text + size; at < end;) {
        const size_t length = utf8_next(at, end);
        const uint32_t code = decode(at, length), both = compose(last, code);
        if (both) {
            last = both;
            out = last_at;
        } else {
            last = code;
            last_at = out;
        }
        out += utf8_put(last, out);
        at += length;
    }
    *out = '\0';
    return composed;
}

bool nfc_equal(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    if (!utf8_valid(a) || !utf8_valid(b))
        return false;
    char *one = nfc_text(a), *other = nfc_text(b);
    const bool equal = strcmp(one, other) == 0;
    free(one);
    free(other);
    return equal;
}
