#include "server/launch/last_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void last_words_add(LastWords *words, const char *line)
{
    // Open MPI frames what it says with dashes.
    if (line[strspn(line, "- \t\r")] == '\0')
        return;
    if (words->count == LAST_WORDS)
        memmove(words->lines[0], words->lines[1], sizeof words->lines - sizeof words->lines[0]);
    else
        words->count++;
    snprintf(words->lines[words->count - 1], LAST_WORDS_BYTES, "%s", line);
}

/* Whether the program said it, and not the launcher, whose last words often say nothing. */
static bool is_ours(const char *line)
{
    static const char OURS[] = "googlenetd: ";
    return strncmp(line, OURS, strlen(OURS)) == 0;
}

/* Take the last lines of one kind that there is still room for. */
static void choose(const LastWords *words, bool ours, bool chosen[LAST_WORDS], size_t *room)
{
    for (int i = words->count - 1; i >= 0; i--) {
        const size_t bytes = strlen(words->lines[i]) + 2;
        if (is_ours(words->lines[i]) != ours)
            continue;
        if (bytes > *room)
            return;
        chosen[i] = true;
        *room -= bytes;
    }
}

void last_words_tell(const LastWords *words, char *text, int used, size_t size)
{
    bool chosen[LAST_WORDS] = {false}, any = false;
    size_t room = size - (size_t)used - sizeof ", after it said: ";
    choose(words, true, chosen, &room);
    choose(words, false, chosen, &room);
    for (int i = 0; i < words->count; i++) {
        if (chosen[i])
            used += snprintf(text + used, size - (size_t)used, "%s%s",
                             any ? "; " : ", after it said: ", words->lines[i]);
        any |= chosen[i];
    }
}
