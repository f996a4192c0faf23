#include "server/base/json/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

/* ---- The check of the text: recursive descent over RFC 8259's grammar ---- */

typedef struct {
    const char *label;
    const char *start, *at, *end;
    int depth;
    Error *err;
} Scan;

static bool fault(const Scan *s, const char *what)
{
    int line = 1, column = 1;
    for (const char *c = s->start; c < s->at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            column++;
        }
    }
    return fail(s->err, ERR_INVALID, "%.256s: line %d, column %d: %s", s->label, line, column,
                what);
}

static int peek(const Scan *s)
{
    return s->at < s->end ? (unsigned char)*s->at : -1;
}

static bool take(Scan *s, char c)
{
    if (peek(s) != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

static void skip_space(Scan *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
        s->at++;
}

static int take_digits(Scan *s)
{
    int count = 0;
    for (; peek(s) >= '0' && peek(s) <= '9'; s->at++)
        count++;
    return count;
}

static bool scan_number(Scan *s)
{
    const char *start = s->at;
    take(s, '-');
    if (!take(s, '0') && take_digits(s) == 0)
        return fault(s, "a number needs a digit here");
    if (take(s, '.') && take_digits(s) == 0)
        return fault(s, "a number needs a digit after its point");
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (take_digits(s) == 0)
            return fault(s, "a number needs a digit in its exponent");
    }
    if (s->at - start > JSON_MAX_NUMBER_LENGTH) {
        s->at = start;
        return fault(s, "the number is longer than 60 characters");
    }
    return true;
}

/* The four hexadecimal digits after \u; -1 if they are not there. */
static int scan_unit(Scan *s)
{
    int unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        const int c = peek(s);
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool scan_escape(Scan *s)
{
    const int c = peek(s);
    if (c > 0 && strchr("\"\\/bfnrt", c)) {
        s->at++;
        return true;
    }
    if (!take(s, 'u'))
        return fault(s, "an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    const int unit = scan_unit(s);
    if (unit < 0)
        return fault(s, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return fault(s, "\\u0000 is not allowed");
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    const bool pair = unit < 0xdc00 && take(s, '\\') && take(s, 'u');
    const int low = pair ? scan_unit(s) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fault(s, "half of a surrogate pair");
    return true;
}

/* Most characters are ASCII that nothing is to be said of. */
static void skip_plain(Scan *s)
{
    while (peek(s) >= 0x20 && peek(s) < 0x80 && peek(s) != '"' && peek(s) != '\\')
        s->at++;
}

static bool scan_string(Scan *s)
{
    if (!take(s, '"'))
        return fault(s, "expected a string in double quotes");
    for (skip_plain(s); !take(s, '"'); skip_plain(s)) {
        if (peek(s) < 0)
            return fault(s, "the string is not closed");
        if (peek(s) < 0x20)
            return fault(s, "a control character in a string must be escaped");
        if (take(s, '\\')) {
            if (!scan_escape(s))
                return false;
            continue;
        }
        const size_t length = utf8_next(s->at, s->end);
        if (length == 0)
            return fault(s, "bytes that are not UTF-8");
        s->at += length;
    }
    return true;
}

static bool scan_value(Scan *s);

static bool scan_member(Scan *s)
{
    skip_space(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return fault(s, "expected a colon after the key");
    return scan_value(s);
}

/* What stands between `{` and `}` or `[` and `]`; the opening one has been taken. */
static bool scan_items(Scan *s, bool (*scan_item)(Scan *s), char close, const char *expected)
{
    if (++s->depth > JSON_MAX_DEPTH)
        return fault(s, "nested deeper than 16 levels");
    skip_space(s);
    if (!take(s, close)) {
        int count = 0;
        do {
            if (close == '}' && ++count > JSON_MAX_MEMBERS)
                return fault(s, "more than 1024 members in an object");
            if (!scan_item(s))
                return false;
            skip_space(s);
        } while (take(s, ','));
        if (!take(s, close))
            return fault(s, expected);
    }
    s->depth--;
    return true;
}

static bool scan_word(Scan *s, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return fault(s, "expected a value");
    s->at += length;
    return true;
}

static bool scan_value(Scan *s)
{
    skip_space(s);
    const int c = peek(s);
    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    if (take(s, '{'))
        return scan_items(s, scan_member, '}', "expected a comma or }");
    if (take(s, '['))
        return scan_items(s, scan_value, ']', "expected a comma or ]");
    return scan_word(s, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

cJSON *json_parse_text(const char *label, const char *text, size_t length, Error *err)
{
    return json_parse_long(label, text, length, JSON_MAX_BYTES, err);
}

/* Some editors begin a file with a byte order mark: RFC 8259, 8.1 lets a reader pass over it. */
static size_t mark_length(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Two bytes a character, as some shells write files: with a mark, or a zero beside the first. */
static bool is_utf16(const char *text, size_t length)
{
    return length >= 2
           && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0
               || (!text[0]) != (!text[1]));
}

/* The text comes without its mark. */
static bool check(const char *label, const char *text, size_t length, Error *err)
{
    Scan s = {.label = label, .start = text, .at = text, .end = text + length, .err = err};
    if (!scan_value(&s))
        return false;
    skip_space(&s);
    return s.at == s.end || fault(&s, "more text after the end of the value");
}

static bool not_utf16(const char *label, const char *text, size_t length, Error *err)
{
    return !is_utf16(text, length)
           || fail(err, ERR_INVALID, "%.256s: this is UTF-16, and JSON is UTF-8", label);
}

bool json_check_text(const char *label, const char *text, size_t length, Error *err)
{
    const size_t mark = mark_length(text, length);
    return not_utf16(label, text, length, err) && check(label, text + mark, length - mark, err);
}

cJSON *json_parse_long(const char *label, const char *text, size_t length, size_t most, Error *err)
{
    if (length > most) {
        fail(err, ERR_INVALID, "%.256s: %zu bytes of JSON, at most %zu are read", label, length,
             most);
        return NULL;
    }
    if (!json_check_text(label, text, length, err))
        return NULL;
    const size_t mark = mark_length(text, length);
    text += mark;
    length -= mark;
    // A copy with a final NUL: some versions of cJSON read past the end of a text that has none.
    char *copy = xcalloc(length + 1, 1);
    memcpy(copy, text, length);
    cJSON *json = cJSON_Parse(copy);
    free(copy);
    if (!json)
        fail(err, ERR_NO_MEMORY, "%.256s: no memory for the JSON's tree", label);
    return json;
}

/* ---- Numbers ---- */

void number_text(double value, char text[NUMBER_TEXT])
{
    char shown[NUMBER_TEXT] = "";
    // 15 digits often are enough, 17 always.
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(shown, sizeof shown, "%.*g", digits, value);
        if (digits == 17 || strtod(shown, NULL) == value)
            break;
    }
    memcpy(text, shown, sizeof shown);
}

cJSON *json_number(double value)
{
    char text[NUMBER_TEXT];
    if (!isfinite(value))
        return cJSON_CreateNull();
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) == value)
        return cJSON_CreateNumber(value);
    number_text(value, text);
    return cJSON_CreateRaw(text);
}

void json_keep_numbers(cJSON *json)
{
    for (cJSON *item = json ? json->child : NULL; item; item = item->next) {
        cJSON *exact = cJSON_IsNumber(item) ? json_number(item->valuedouble) : NULL;
        if (cJSON_IsRaw(exact)) {  // in its place, so that it keeps its key
            item->type = (item->type & ~cJSON_Number) | cJSON_Raw;
            item->valuestring = exact->valuestring;
            exact->valuestring = NULL;
        }
        cJSON_Delete(exact);
        json_keep_numbers(item);
    }
}

bool json_number_value(const cJSON *item, double *value)
{
    if (cJSON_IsNumber(item)) {
        *value = item->valuedouble;
        return true;
    }
    if (!cJSON_IsRaw(item) || !item->valuestring)
        return false;
    char *end;
    *value = strtod(item->valuestring, &end);
    return end != item->valuestring && *end == '\0';
}

bool json_given_twice(const cJSON *object, const cJSON *member)
{
    return cJSON_GetObjectItemCaseSensitive(object, member->string) != member;
}

cJSON *json_parse_stored(const char *text)
{
    cJSON *json = text ? json_parse_text("the store", text, strlen(text), NULL) : NULL;
    return json ? json : cJSON_CreateObject();
}

cJSON *json_stored_item(const char *text, bool may_be_damaged)
{
    const bool whole = !may_be_damaged || json_check_text("", text, strlen(text), NULL);
    return whole ? cJSON_CreateRaw(text) : cJSON_CreateNull();
}

char *json_take_text(cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}
