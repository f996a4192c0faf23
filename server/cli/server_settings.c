#include "server/cli/server_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/cli/args.h"

/* What the command line says. */
typedef struct {
    const char *file;  // --config
    const char *own;   // the command's own option
    ConfigFlag *flags;
    int count;
    const char *word;
} Flags;

static bool take_flag(void *settings, const char *name, const char *text, Error *err)
{
    (void)err;
    Flags *f = settings;
    f->flags = xrealloc(f->flags, (size_t)f->count + 1, sizeof *f->flags);
    f->flags[f->count++] = (ConfigFlag){name, text};
    return true;
}

static void explain_sources(FILE *out)
{
    fprintf(out,
            "\nEach option can also stand in the file, {\"limits\": {\"jobs\": 100}}, or in the\n"
            "environment, GOOGLENETD_LIMITS_JOBS=100. A token never is an option: it comes from\n"
            "token_file or GOOGLENETD_TOKEN.\n");
}

/* The options: --config, the command's own, then the fields, whose texts go into `texts`. */
static int make_options(const ServerCommand *command, ConfigOption *texts, Option *options)
{
    int count = 0;
    options[count++] =
        (Option){"config", "FILE", "settings as JSON (config/server.json, if it is there)",
                 OPTION_TEXT, .offset = offsetof(Flags, file)};
    if (command->option.name)
        options[count++] =
            (Option){command->option.name, command->option.value, command->option.help, OPTION_TEXT,
                     .offset = offsetof(Flags, own)};
    for (int i = 0; i < config_option_count(); i++) {
        texts[i] = config_option(i);
        options[count++] =
            (Option){texts[i].name, texts[i].value, texts[i].help, OPTION_CALL, .take = take_flag};
    }
    return count;
}

static bool read_flags(const ServerCommand *command, int argc, char **argv, Flags *flags,
                       int *exit_code)
{
    const size_t fields = (size_t)config_option_count();
    const char *word = command->word ? command->word : "";
    ConfigOption *texts = xcalloc(fields, sizeof *texts);
    Option *options = xcalloc(fields + 2, sizeof *options);
    char *usage = xasprintf("%s%s%s [--config FILE] [--listen ADDRESS:PORT] [--data DIR] ...",
                            argv[0], *word ? " " : "", word);
    int first_word;
    const Syntax syntax = {.usage = usage,
                           .about = command->about,
                           .options = options,
                           .option_count = make_options(command, texts, options),
                           .min_words = *word ? 1 : 0,
                           .max_words = *word ? 1 : 0,
                           .explain = explain_sources};
    const bool ok = args_read(&syntax, argc, argv, flags, &first_word, exit_code);
    if (ok && *word)
        flags->word = argv[first_word];
    // The names outlive the table.
    for (int i = 0; i < flags->count; i++)
        flags->flags[i].name = xstrdup(flags->flags[i].name);
    free(usage);
    free(options);
    free(texts);
    return ok;
}

bool server_settings_read(const ServerCommand *command, int argc, char **argv,
                          ServerSettings *settings, int *exit_code)
{
    Flags flags = {0};
    Faults faults = {0};
    bool ok = read_flags(command, argc, argv, &flags, exit_code);
    if (ok) {
        const ConfigSources sources = {flags.file, flags.flags, flags.count, environ};
        ok = config_read(&sources, &settings->config, &faults);
        if (!ok)
            *exit_code = EXIT_USAGE;
    }
    settings->word = flags.word;
    settings->option = flags.own;
    args_print_faults("googlenetd", &faults);
    for (int i = 0; i < flags.count; i++)
        free((char *)(size_t)flags.flags[i].name);
    free(flags.flags);
    return ok;
}
