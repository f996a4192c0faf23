#include "server/data/import/report/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/left_out.h"

const char *import_report_word(ImportReport *r, const char *word)
{
    for (size_t i = 0; i < r->word_count; i++)
        if (strcmp(r->words[i], word) == 0)
            return r->words[i];
    r->words = xrealloc(r->words, r->word_count + 1, sizeof *r->words);
    return r->words[r->word_count++] = xstrdup(word);
}

void import_report_warn(ImportReport *r, const char *code, const char *fmt, ...)
{
    enum { SENTENCE = 1024 };
    char text[SENTENCE];
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    text_finish(text, sizeof text, length);
    if (r->warning_count == r->warning_room) {
        r->warning_room = 2 * r->warning_room + 8;
        r->warnings = xrealloc(r->warnings, r->warning_room, sizeof *r->warnings);
    }
    r->warnings[r->warning_count++] = (ReportWarning){.code = code, .text = xstrdup(text)};
}

void import_report_free(ImportReport *r)
{
    for (int i = 0; i < r->class_count; i++)
        free(r->classes[i].name);
    for (size_t i = 0; i < r->picture_count; i++)
        free(r->pictures[i].path);
    for (size_t i = 0; i < r->warning_count; i++)
        free(r->warnings[i].text);
    for (size_t i = 0; i < r->word_count; i++)
        free(r->words[i]);
    left_out_free(&r->left_out);
    free(r->classes);
    free(r->pictures);
    free(r->reasons);
    free(r->formats);
    free(r->groups);
    free(r->members);
    free(r->one_colour);
    free(r->warnings);
    free(r->words);
    *r = (ImportReport){0};
}
