#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

/* Bytes that a character with this first byte has; 0 if no character starts with it. */
static size_t length_by_first_byte(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

/* Whether a character may begin with these two bytes. */
static bool begins_character(unsigned char first, unsigned char second)
{
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool surrogate = first == 0xed && second >= 0xa0;
    const bool beyond = first == 0xf4 && second >= 0x90;
    return (second & 0xc0) == 0x80 && !overlong && !surrogate && !beyond;
}

/* How many of the bytes from `at` on are the beginning of a character: its length if it is whole,
 * fewer if `end` cuts it off, 0 if it is not UTF-8. */
static size_t valid_bytes(const char *at, const char *end)
{
    const unsigned char *s = (const unsigned char *)at;
    const size_t left = (size_t)(end - at);
    const size_t length = left < 1 ? 0 : length_by_first_byte(s[0]);
    if (length < 2)
        return length;
    if (left >= 2 && !begins_character(s[0], s[1]))
        return 0;
    for (size_t i = 2; i < length && i < left; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return left < length ? left : length;
}

size_t utf8_next(const char *at, const char *end)
{
    const size_t valid = valid_bytes(at, end);
    return valid > 0 && valid == length_by_first_byte((unsigned char)*at) ? valid : 0;
}

size_t utf8_put(uint32_t code, char *at)
{
    if (code < 0x80) {
        at[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t LEAD[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        at[i] = (char)(0x80 | (code & 0x3f));
    at[0] = (char)(LEAD[length] | code);
    return length;
}

int utf8_padding(const char *text, int column)
{
    for (const char *c = text; *c && column > 0; c++)
        column -= ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}

int utf8_widen(int column, const char *text, int most)
{
    const int width = most - utf8_padding(text, most);
    return width > column ? width : column;
}

bool utf8_valid(const char *text)
{
    const char *end = text + strlen(text);
    while (text < end) {
        const size_t length = utf8_next(text, end);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool text_has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static bool is_control(const char *at, size_t length)
{
    const unsigned char *s = (const unsigned char *)at;
    return (length == 1 && (s[0] < 0x20 || s[0] == 0x7f))
           || (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

void text_clean(char *text)
{
    char *const end = text + strlen(text);
    for (char *at = text; at < end;) {
        size_t length = utf8_next(at, end);
        if (length == 0 && valid_bytes(at, end) > 0) {
            *at = '\0';
            return;
        }
        if (length == 0 || is_control(at, length)) {
            length = length ? length : 1;
            memset(at, '?', length);
        }
        at += length;
    }
}

static const char DOTS[] = "...";

void text_finish(char *text, size_t size, int length)
{
    if (length < 0)
        *text = '\0';
    const bool cut = length >= 0 && (size_t)length >= size;
    if (cut && size > sizeof DOTS)
        text[size - sizeof DOTS] = '\0';
    text_clean(text);
    if (cut && size > sizeof DOTS)
        memcpy(text + strlen(text), DOTS, sizeof DOTS);
}

void text_fit(char *text, size_t size, const char *whole)
{
    const size_t length = strlen(whole);
    if (length < size) {
        memcpy(text, whole, length + 1);
        text_clean(text);
        return;
    }
    const size_t room = size - sizeof DOTS, head = room / 2;
    const char *tail = whole + length - (room - head);
    while ((*tail & 0xc0) == 0x80)  // in the middle of a character
        tail++;
    memcpy(text, whole, head);
    text[head] = '\0';
    text_clean(text);
    char *rest = text + strlen(text);
    snprintf(rest, size - (size_t)(rest - text), "%s%s", DOTS, tail);
    text_clean(rest);
}
