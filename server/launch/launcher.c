#include "server/launch/launcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/launch/commands.h"

enum { MAX_WORDS = 256 };

static const char PROGRAM[] = "{program}", RANKS[] = "{ranks}";

/* The word that starts at *text, from malloc, and *text behind it; NULL: there is none, or a quote
 * is not closed, where *text stays in front of it. */
static char *next_word(const char **text)
{
    const char *at = *text + strspn(*text, " \t");
    char *word = xcalloc(strlen(at) + 1, 1), quote = '\0';
    size_t length = 0;
    *text = at;
    for (; *at && (quote || (*at != ' ' && *at != '\t')); at++) {
        if (quote ? *at == quote : *at == '\'' || *at == '"')
            quote = quote ? '\0' : *at;
        else
            word[length++] = *at;
    }
    if (at == *text || quote) {
        free(word);
        return NULL;
    }
    *text = at;
    return word;
}

bool launcher_check(const char *template, Error *err)
{
    int words = 0, programs = 0;
    char *word;
    const char *at = template;
    while ((word = next_word(&at))) {
        words++;
        programs += strcmp(word, PROGRAM) == 0;
        free(word);
    }
    if (*at)
        return fail(err, ERR_INVALID, "has a quote that is not closed: %.80s", at);
    if (words > MAX_WORDS)
        return fail(err, ERR_INVALID, "must have at most %d words, got %d", MAX_WORDS, words);
    return programs == 1
           || fail(err, ERR_INVALID,
                   "must have the word {program} once, got it %d times in \"%.80s\"", programs,
                   template);
}

/* `word` with each {ranks} replaced; frees it. */
static char *with_ranks(char *word, int ranks)
{
    for (char *found; (found = strstr(word, RANKS));) {
        *found = '\0';
        char *next = xasprintf("%s%d%s", word, ranks, found + strlen(RANKS));
        free(word);
        word = next;
    }
    return word;
}

char **launcher_words(const char *template, int ranks, const char *program)
{
    char **words = xcalloc(MAX_WORDS + 2, sizeof *words), *word;
    size_t count = 0;
    while (count < MAX_WORDS && (word = next_word(&template))) {
        if (strcmp(word, PROGRAM) != 0) {
            words[count++] = with_ranks(word, ranks);
            continue;
        }
        free(word);
        words[count++] = xstrdup(program);
        words[count++] = xstrdup(RANK_COMMAND);
    }
    return words;
}

void launcher_free(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}
