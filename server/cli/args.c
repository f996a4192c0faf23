#include "server/cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/dnn/dnn.h"
#include "core/net/net.h"
#include "server/base/text/edit_distance.h"
#include "server/cli/output.h"

void print_version(void)
{
    char onednn[32];
    dnn_version(onednn, sizeof onednn);
    printf("googlenetd %s\noneDNN %s, %s\n", GOOGLENETD_VERSION, onednn, dnn_isa_name());
}

static void left_column(const Option *o, char *text, size_t size)
{
    snprintf(text, size, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static void print_help(const Syntax *syntax)
{
    enum { NARROWEST = 20 };
    char left[96];
    int width = NARROWEST;
    for (int i = 0; i < syntax->option_count; i++) {
        left_column(&syntax->options[i], left, sizeof left);
        width = (int)strlen(left) > width ? (int)strlen(left) : width;
    }
    printf("Usage: googlenetd %s\n\n%s\n\nOptions:\n", syntax->usage, syntax->about);
    for (int i = 0; i < syntax->option_count; i++) {
        left_column(&syntax->options[i], left, sizeof left);
        printf("  %-*s  %s\n", width, left, syntax->options[i].help);
    }
    printf("  %-*s  %s\n  %-*s  %s\n", width, "--help", "show this and leave", width, "--version",
           "show the versions and leave");
    if (syntax->explain)
        syntax->explain(stdout);
}

/* Arguments may be any bytes: they come in an Error, which has made them printable. */
static bool usage_fault(const Syntax *syntax, const Error *err, int *exit_code)
{
    if (err->code != ERR_NONE)
        output_error("%s", err->message);
    fprintf(stderr, "Usage: googlenetd %s\nMore with --help.\n", syntax->usage);
    *exit_code = EXIT_USAGE;
    return false;
}

/* getopt_long's table, with --help and --version behind the command's own. */
static struct option *long_options(const Syntax *syntax)
{
    const int count = syntax->option_count;
    struct option *table = xcalloc((size_t)count + 3, sizeof *table);
    for (int i = 0; i < count; i++)
        table[i] = (struct option){
            .name = syntax->options[i].name,
            .has_arg = syntax->options[i].value ? required_argument : no_argument,
        };
    table[count] = (struct option){.name = "help"};
    table[count + 1] = (struct option){.name = "version"};
    return table;
}

/* The option whose name is most like the one that was misspelt; NULL if none is like it. */
static const Option *nearest(const Syntax *syntax, const char *name)
{
    const Option *found = NULL;
    size_t least = edit_distance_limit(name);
    for (int i = 0; i < syntax->option_count; i++) {
        const size_t distance = edit_distance(name, syntax->options[i].name);
        if (distance < least) {
            found = &syntax->options[i];
            least = distance;
        }
    }
    return found;
}

/* What getopt_long did not take: ':' a value is missing, '?' anything else. */
static void name_fault(const Syntax *syntax, int kind, const char *argument, Error *err)
{
    const size_t name_length = strcspn(argument, "=");
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)name_length, argument);
    const Option *hint = strncmp(name, "--", 2) == 0 ? nearest(syntax, name + 2) : NULL;
    if (kind == ':')
        fail(err, ERR_INVALID, "%s needs a value", argument);
    else if (hint && strcmp(hint->name, name + 2) == 0)
        fail(err, ERR_INVALID, "%s takes no value", name);
    else if (hint)
        fail(err, ERR_INVALID, "%s is not an option here; did you mean --%s?", name, hint->name);
    else
        fail(err, ERR_INVALID, "%s is not an option here", name);
}

static bool take_int(const Option *o, const char *text, int *value, Error *err)
{
    char *end;
    errno = 0;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0')
        return fail(err, ERR_INVALID, "--%s must be a whole number, got \"%.40s\"", o->name, text);
    if (errno || number < o->min || number > o->max)
        return fail(err, ERR_INVALID, "--%s must be %d to %d, got %.40s", o->name, o->min, o->max,
                    text);
    *value = (int)number;
    return true;
}

void text_list_add(TextList *list, const char *text)
{
    list->items = xrealloc(list->items, (size_t)list->count + 1, sizeof *list->items);
    list->items[list->count++] = xstrdup(text);
}

void text_list_free(TextList *list)
{
    for (int i = 0; i < list->count; i++)
        free((char *)(size_t)list->items[i]);
    free(list->items);
    *list = (TextList){0};
}

static bool take_option(const Option *o, const char *text, void *settings, Error *err)
{
    void *field = (char *)settings + o->offset;
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_INT:
        return take_int(o, text, field, err);
    case OPTION_TEXT:
        if (!*text)
            return fail(err, ERR_INVALID, "--%s needs a value", o->name);
        *(const char **)field = text;
        return true;
    case OPTION_LIST:
        text_list_add(field, text);
        return true;
    case OPTION_PRECISION:
        return precision_from_name(text, field)
               || fail(err, ERR_INVALID, "--%s must be auto, f32 or bf16, got \"%.40s\"", o->name,
                       text);
    case OPTION_CALL:
        break;
    }
    return o->take(settings, o->name, text, err);
}

static bool take_options(const Syntax *syntax, const struct option *table, int argc, char **argv,
                         void *settings, int *exit_code)
{
    const int count = syntax->option_count;
    int index = 0, c;
    opterr = 0;  // its messages lack the program's name
    while ((c = getopt_long(argc, argv, ":h", table, &index)) != -1) {
        Error err = {0};
        if (c == '?' || c == ':') {
            name_fault(syntax, c, argv[optind - 1], &err);
            return usage_fault(syntax, &err, exit_code);
        }
        if (c == 'h' || index >= count) {
            if (c == 'h' || index == count)
                print_help(syntax);
            else
                print_version();
            *exit_code = EXIT_OK;
            return false;
        }
        if (!take_option(&syntax->options[index], optarg, settings, &err))
            return usage_fault(syntax, &err, exit_code);
    }
    return true;
}

bool args_read(const Syntax *syntax, int argc, char **argv, void *settings, int *first_word,
               int *exit_code)
{
    struct option *table = long_options(syntax);
    optind = 0;  // start anew: a test may have used getopt before
    const bool ok = take_options(syntax, table, argc, argv, settings, exit_code);
    free(table);
    if (!ok)
        return false;
    const int words = argc - optind;
    if (words < syntax->min_words || words > syntax->max_words) {
        Error err = {0};
        if (words > syntax->max_words)
            fail(&err, ERR_INVALID, "%s is one argument too many",
                 argv[optind + syntax->max_words]);
        else
            fail(&err, ERR_INVALID, "%s needs an argument", argv[0]);
        return usage_fault(syntax, &err, exit_code);
    }
    *first_word = optind;
    return true;
}

bool args_precision_fits(Precision precision)
{
    if (precision != PRECISION_BF16 || net_bf16_is_fast())
        return true;
    output_error("--precision bf16 needs a CPU with AVX512-BF16 or AMX");
    return false;
}

const Model *args_model(const char *name)
{
    const Model *model = models_find(name);
    if (model)
        return model;
    Error err = {0};
    fail(&err, ERR_INVALID, "there is no network \"%s\"; there are:", name);
    fprintf(stderr, "googlenetd: %s", err.message);
    size_t count;
    const Model *models = models_table(&count);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", models[i].name);
    fprintf(stderr, "\n");
    return NULL;
}

void args_print_faults(const char *label, const Faults *faults)
{
    for (int i = 0; i < faults->count && i < FAULTS_MAX; i++) {
        const Fault *fault = &faults->items[i];
        Error line = {0};
        fail(&line, ERR_INVALID, "%s: %s%s%s", label, fault->pointer, fault->pointer[0] ? " " : "",
             fault->detail);
        fprintf(stderr, "%s\n", line.message);
    }
    if (faults->count > FAULTS_MAX)
        fprintf(stderr, "and %d faults more\n", faults->count - FAULTS_MAX);
}
