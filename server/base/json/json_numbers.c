#include "server/base/json/json_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

enum {
    LONG_ARRAY = 16,  // numbers that an array needs to be read apart
    NODES = 1 << 16,  // of the tree of the rest
    MAX_BYTES = 256 << 20,
};

static const char MARK[] = "\001numbers ";             // in the tree
static const char WRITTEN_MARK[] = "\\u0001numbers ";  // in text

/* ---- Arrays of numbers ---- */

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Behind the number at p by RFC 8259's grammar; NULL: there is none. */
static const char *skip_number(const char *p, const char *end)
{
    p += p < end && *p == '-';
    const char *digits = p;
    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return NULL;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return NULL;
    }
    return p;
}

static float number_at(const char *p, const char *end)
{
    char text[64];
    const size_t length = (size_t)(end - p);
    if (length >= sizeof text)
        return (float)strtod(p, NULL);  // a "," or "]" follows it
    memcpy(text, p, length);
    text[length] = '\0';
    return (float)strtod(text, NULL);
}

/* The array that begins at p with "["; behind it, or NULL if it is not one of numbers alone. */
static const char *read_array(const char *p, const char *end, JsonArray *array)
{
    size_t room = 0;
    do {
        p = skip_space(p + 1, end);  // behind "[" or ","
        const char *behind = skip_number(p, end);
        if (!behind)
            return NULL;
        if (array->count == room) {
            room = room ? 2 * room : 64;
            array->items = xrealloc(array->items, room, sizeof *array->items);
        }
        array->items[array->count++] = number_at(p, behind);
        p = skip_space(behind, end);
    } while (p < end && *p == ',');
    return p < end && *p == ']' ? p + 1 : NULL;
}

/* ---- The rest ---- */

typedef struct {
    JsonNumbers *out;
    size_t room;  // of out->arrays
    char *text;
    size_t size;
    size_t nodes;
} Rest;

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p < end ? p + 1 : end;
}

static void copy(Rest *r, const char *from, const char *to)
{
    memcpy(r->text + r->size, from, (size_t)(to - from));
    r->size += (size_t)(to - from);
}

/* A mark is shorter than any array that it stands for. */
static const char *lift(Rest *r, const char *p, const char *end)
{
    JsonArray array = {0};
    const char *behind = read_array(p, end, &array);
    if (!behind || array.count < LONG_ARRAY) {
        free(array.items);
        return NULL;
    }
    if (r->out->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->out->arrays = xrealloc(r->out->arrays, r->room, sizeof *r->out->arrays);
    }
    char mark[64];
    const int length = snprintf(mark, sizeof mark, "\"%s%zu\"", WRITTEN_MARK, r->out->count);
    copy(r, mark, mark + length);
    r->out->arrays[r->out->count++] = array;
    return behind;
}

static void shorten(Rest *r, const char *p, const char *end)
{
    while (p < end) {
        const char *behind = *p == '[' ? lift(r, p, end) : NULL;
        if (!behind) {
            behind = *p == '"' ? skip_string(p, end) : p + 1;
            copy(r, p, behind);
        }
        r->nodes += *p == ',' || *p == '[' || *p == '{';
        p = behind;
    }
}

bool json_numbers_read(const char *label, const char *text, size_t length, JsonNumbers *out,
                       Error *err)
{
    *out = (JsonNumbers){0};
    Rest r = {.out = out, .text = xcalloc(length + 64, 1)};
    shorten(&r, text, text + length);
    if (r.nodes > NODES)
        fail(err, ERR_INVALID, "%s: too many values beside long arrays of numbers", label);
    else
        out->json = json_parse_long(label, r.text, r.size, MAX_BYTES, err);
    free(r.text);
    if (!out->json)
        json_numbers_free(out);
    return out->json != NULL;
}

void json_numbers_free(JsonNumbers *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->arrays[i].items);
    free(n->arrays);
    cJSON_Delete(n->json);
    *n = (JsonNumbers){0};
}

/* ---- What was read ---- */

static const JsonArray *marked(const JsonNumbers *n, const cJSON *item)
{
    const size_t length = strlen(MARK);
    if (!cJSON_IsString(item) || strncmp(item->valuestring, MARK, length) != 0)
        return NULL;
    const unsigned long i = strtoul(item->valuestring + length, NULL, 10);
    return i < n->count ? &n->arrays[i] : NULL;
}

typedef struct {
    const JsonNumbers *from;
    float *items;
    size_t count, room, most;
} Gathered;

static bool gather_some(Gathered *g, const float *items, size_t count)
{
    if (count > g->most - g->count)
        return false;
    if (g->count + count > g->room) {
        g->room = 2 * (g->count + count);
        g->items = xrealloc(g->items, g->room, sizeof *g->items);
    }
    memcpy(g->items + g->count, items, count * sizeof *items);
    g->count += count;
    return true;
}

/* Arrays inside one another: no deeper than JSON_MAX_DEPTH. */
static bool gather(Gathered *g, const cJSON *item)
{
    const JsonArray *array = marked(g->from, item);
    if (array)
        return gather_some(g, array->items, array->count);
    if (cJSON_IsNumber(item)) {
        const float number = (float)item->valuedouble;
        return gather_some(g, &number, 1);
    }
    bool ok = cJSON_IsArray(item);
    for (const cJSON *child = ok ? item->child : NULL; ok && child; child = child->next)
        ok = gather(g, child);
    return ok;
}

float *json_numbers_of(const JsonNumbers *n, const cJSON *item, size_t most, size_t *count)
{
    Gathered g = {.from = n, .most = most};
    const bool ok = !cJSON_IsNumber(item) && gather(&g, item);
    *count = g.count;
    if (ok && g.items)
        return g.items;
    free(g.items);
    return ok ? xcalloc(1, sizeof(float)) : NULL;
}
