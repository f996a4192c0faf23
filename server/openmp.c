#include "server/openmp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const OPENMP_HEEDED[] = {
    "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT",
    "KMP_BLOCKTIME",   "OMP_DISPLAY_ENV",  "GOMP_DEBUG",      NULL,
};

// No function here may be instrumented: sanitizers start after the first of them.
#define BARE __attribute__((no_sanitize("address", "thread", "undefined")))

/* The text after `name` and "=" in an entry of the environment; NULL: another variable. */
BARE static const char *value_of(const char *entry, const char *name)
{
    while (*name && *entry == *name)
        entry++, name++;
    return !*name && *entry == '=' ? entry + 1 : NULL;
}

BARE static bool begins_with(const char *text, const char *start)
{
    while (*start && *text == *start)
        text++, start++;
    return !*start;
}

BARE static bool is_heeded(const char *entry)
{
    if (!begins_with(entry, "OMP_") && !begins_with(entry, "GOMP_") && !begins_with(entry, "KMP_"))
        return true;
    for (size_t i = 0; OPENMP_HEEDED[i]; i++) {
        if (value_of(entry, OPENMP_HEEDED[i]))
            return true;
    }
    return false;
}

/* In place: libc has not taken the environment over yet, and will take this array. */
BARE static void hide_variables(int argc, char **argv, char **environment)
{
    (void)argc, (void)argv;
    char **to = environment;
    for (char **from = environment; *from; from++) {
        if (is_heeded(*from))
            *to++ = *from;
    }
    *to = NULL;
}

typedef void (*PreInit)(int argc, char **argv, char **environment);
__attribute__((section(".preinit_array"), used)) static const PreInit PREINIT = hide_variables;

BARE static char *look_up(const char *name)
{
    for (char **entry = environ; entry && *entry; entry++) {
        const char *value = value_of(*entry, name);
        if (value)
            return (char *)(size_t)value;
    }
    return NULL;
}

/* Text without blanks before it. */
BARE static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
        text++;
    return text;
}

/* Whether libgomp takes the text for this word, which is in small letters. */
BARE static bool is_word(const char *text, const char *word)
{
    text = skip_blanks(text);
    while (*word && (*text | 0x20) == *word)
        text++, word++;
    return !*word && !*skip_blanks(text);
}

/* What libgomp cannot read it leaves aside, and then its threads spin for long. */
BARE static bool is_wait_policy(const char *text)
{
    return text && (is_word(text, "active") || is_word(text, "passive"));
}

BARE static bool is_spin_count(const char *text)
{
    if (!text)
        return false;
    const char *first = skip_blanks(text);
    return (*first >= '0' && *first <= '9') || is_word(text, "infinite")
           || is_word(text, "infinity");
}

/* The C library's, in whose place libgomp finds this one: the environment has no room for a
 * variable more where it may still be changed. */
BARE char *getenv(const char *name)
{
    static char turns[] = "1000";
    char *value = look_up(name);
    const char *count = "GOMP_SPINCOUNT";
    if (begins_with(name, count) && begins_with(count, name) && !is_spin_count(value)
        && !is_wait_policy(look_up("OMP_WAIT_POLICY")))
        return turns;
    return value;
}
