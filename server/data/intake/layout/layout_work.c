/* server/data/intake/layout/layout_work.c -- labelled files become classes and items. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/layout/layout_parts.h"

void work_warn(LayoutWork *work, const char *code, const char *fmt, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, fmt);
    const int length = vsnprintf(text, sizeof text, fmt, arguments);
    va_end(arguments);
    text_finish(text, sizeof text, length);
    Layout *l = work->layout;
    // Doubled at each power of two.
    if ((l->warning_count & (l->warning_count + 1)) == 0)
        l->warnings = xrealloc(l->warnings, 2 * (l->warning_count + 1), sizeof *l->warnings);
    l->warnings[l->warning_count++] = (LayoutWarning){code, xstrdup(text)};
}

static void name_classes(LayoutWork *work)
{
    Layout *l = work->layout;
    char **names = xcalloc(work->count + 1, sizeof *names);
    for (size_t i = 0; i < work->count; i++)
        names[i] = work->files[i].class_name;
    qsort(names, work->count, sizeof *names, text_order);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        if (count == 0 || strcmp(names[i], names[count - 1]) != 0)
            names[count++] = names[i];
    for (size_t i = 0; i < count; i++)
        names[i] = xstrdup(names[i]);
    l->classes = names;
    // Beyond the limit, as many as are said to be too many; all are freed.
    l->class_count = (int)count;
}

static int32_t label_of(const Layout *l, const char *name)
{
    char **found =
        bsearch(&name, l->classes, (size_t)l->class_count, sizeof *l->classes, text_order);
    return (int32_t)(found - l->classes);
}

static size_t count_part(const LayoutWork *work, LayoutPart part)
{
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        count += work->files[i].part == part;
    return count;
}

/* What validation pictures are for: testing, unless there are others for that. */
static void settle_validation(LayoutWork *work)
{
    const size_t validation = count_part(work, PART_VALIDATION);
    const bool has_test = count_part(work, PART_TEST) > 0;
    for (size_t i = 0; i < work->count; i++)
        if (work->files[i].part == PART_VALIDATION)
            work->files[i].part = has_test ? PART_TRAIN : PART_TEST;
    if (validation > 0 && has_test)
        work_warn(work, "validation_joins_training",
                  "%zu files for validation are for training: the set has files for testing, and "
                  "each training holds out a validation split of its own",
                  validation);
}

/* The files are sorted by entry: layouts add them so. */
static void make_items(LayoutWork *work)
{
    Layout *l = work->layout;
    settle_validation(work);
    const bool has_train = count_part(work, PART_TRAIN) > 0;
    const bool has_test = count_part(work, PART_TEST) > 0;
    l->has_split = has_train && has_test;
    if (has_train != has_test)
        work_warn(work, "one_sided_split",
                  "all files are for %s: the split is drawn as if none were given",
                  has_train ? "training" : "testing");
    l->items = xcalloc(work->count + 1, sizeof *l->items);
    l->item_count = l->item_room = work->count;
    for (size_t i = 0; i < work->count; i++) {
        const Labelled *file = &work->files[i];
        const IntakeSplit split = !l->has_split              ? INTAKE_UNSET
                                  : file->part == PART_TRAIN ? INTAKE_TRAIN
                                                             : INTAKE_TEST;
        l->items[i] = (LayoutItem){file->entry, -1, label_of(l, file->class_name), split};
    }
}

/* The name without blanks at its ends, and with one in the place of several. */
static char *without_blanks(const char *name)
{
    char *text = xcalloc(strlen(name) + 1, 1), *out = text;
    for (; *name; name++)
        if (*name != ' ' || (out > text && out[-1] != ' '))
            *out++ = *name;
    if (out > text && out[-1] == ' ')
        out[-1] = '\0';
    return text;
}

static char *without_case(const char *name)
{
    char *text = xstrdup(name);
    for (char *at = text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

typedef struct {
    char *plain;
    const char *name;
} PlainName;

static int compare_plain(const void *one, const void *other)
{
    const PlainName *a = one, *b = other;
    const int order = strcmp(a->plain, b->plain);
    return order ? order : strcmp(a->name, b->name);
}

/* Of classes that `plain` makes equal; `what` they differ in, and the code of the warning. */
static void warn_of_alike(LayoutWork *work, char *(*plain)(const char *name), const char *what,
                          const char *code)
{
    const Layout *l = work->layout;
    const size_t count = (size_t)l->class_count;
    PlainName *names = xcalloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = (PlainName){plain(l->classes[i]), l->classes[i]};
    qsort(names, count, sizeof *names, compare_plain);
    for (size_t i = 0; i + 1 < count; i++)
        if (strcmp(names[i].plain, names[i + 1].plain) == 0)
            work_warn(work, code,
                      "classes \"%.100s\" and \"%.100s\" differ only in %s: they are two",
                      names[i].name, names[i + 1].name, what);
    for (size_t i = 0; i < count; i++)
        free(names[i].plain);
    free(names);
}

/* What may be the reason that classes are missing: something that cannot be read, or a table that
 * was no use. From malloc. */
static char *what_else(const LayoutWork *work)
{
    const LeftOutList *left_out = &work->listing->left_out;
    for (size_t i = 0; i < left_out->count; i++)
        if (strcmp(left_out->items[i].code, left_code_name(LEFT_UNREADABLE)) == 0)
            return xasprintf("; %.60s: %.60s", left_out->items[i].path, left_out->items[i].reason);
    return work->note ? xasprintf("; %.130s", work->note) : xstrdup("");
}

static bool fail_one_class(const LayoutWork *work, Error *err)
{
    char *more = what_else(work);
    fail(err, ERR_INVALID,
         "%.100s has one class, \"%.100s\", with %zu files; at least two are needed%s",
         source_label(work->source), work->layout->classes[0], work->count, more);
    free(more);
    return false;
}

bool work_finish(LayoutWork *work, Error *err)
{
    const Layout *l = work->layout;
    name_classes(work);
    if (l->class_count == 0)
        return fail(err, ERR_INVALID, "%.200s has no file with one label",
                    source_label(work->source));
    if (l->class_count == 1)
        return fail_one_class(work, err);
    if (l->class_count > LAYOUT_MAX_CLASSES)
        return fail(err, ERR_INVALID, "%.200s has %d classes; at most %d are accepted",
                    source_label(work->source), l->class_count, LAYOUT_MAX_CLASSES);
    make_items(work);
    warn_of_alike(work, without_case, "case", "classes_differ_in_case");
    warn_of_alike(work, without_blanks, "blanks", "classes_differ_in_blanks");
    return true;
}
