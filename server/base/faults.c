#include "server/base/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "server/base/json/json_text.h"

static void add(Faults *faults, const char *pointer, const char *code, const char *fmt,
                va_list args)
{
    if (faults->count++ >= FAULTS_MAX)
        return;
    Fault *f = &faults->items[faults->count - 1];
    snprintf(f->pointer, sizeof f->pointer, "%s", pointer);
    text_finish(f->detail, sizeof f->detail, vsnprintf(f->detail, sizeof f->detail, fmt, args));
    f->code = code;
    text_clean(f->pointer);
}

void faults_add(Faults *faults, const char *pointer, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add(faults, pointer, NULL, fmt, args);
    va_end(args);
}

void faults_add_as(Faults *faults, const char *pointer, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add(faults, pointer, code, fmt, args);
    va_end(args);
}

bool faults_at(const Faults *faults, const char *pointer)
{
    for (int i = 0; i < faults->count && i < FAULTS_MAX; i++)
        if (strcmp(faults->items[i].pointer, pointer) == 0)
            return true;
    return false;
}

/* A value as a message shows it: short, and strings in quotes. */
static void show_value(const cJSON *item, char *text, size_t size)
{
    double number;
    if (cJSON_IsString(item)) {
        char shown[49];
        snprintf(shown, sizeof shown, "%s", item->valuestring);
        text_clean(shown);
        const bool cut = strlen(item->valuestring) > strlen(shown);
        snprintf(text, size, "\"%s%s\"", shown, cut ? "..." : "");
    } else if (json_number_value(item, &number)) {
        snprintf(text, size, number - number == 0 ? "%.16g" : "a number beyond all range", number);
    } else {
        snprintf(text, size, "%s",
                 cJSON_IsBool(item)     ? (cJSON_IsTrue(item) ? "true" : "false")
                 : cJSON_IsNull(item)   ? "null"
                 : cJSON_IsArray(item)  ? "an array"
                 : cJSON_IsObject(item) ? "an object"
                                        : "something else");
    }
}

void fault_expected(Faults *faults, const char *pointer, const char *expected, const cJSON *got)
{
    char shown[80];
    show_value(got, shown, sizeof shown);
    faults_add(faults, pointer, "must be %s, got %s", expected, shown);
}

void pointer_append(char *pointer, size_t size, const char *key)
{
    size_t used = strlen(pointer);
    if (used + 1 < size)
        pointer[used++] = '/';
    for (; *key && used + 2 < size; key++) {
        if (*key == '~' || *key == '/') {
            pointer[used++] = '~';
            pointer[used++] = *key == '~' ? '0' : '1';
        } else {
            pointer[used++] = *key;
        }
    }
    pointer[used] = '\0';
}
