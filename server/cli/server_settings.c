#include "server/cli/server_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/cli/args.h"

/* What the command line says. */
typedef struct {
    const char *file;
    ConfigFlag *flags;
    int count;
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

/* --config, then the fields. */
static bool read_flags(int argc, char **argv, const char *about, Flags *flags, int *exit_code)
{
    const int fields = config_option_count();
    ConfigOption *texts = xcalloc((size_t)fields, sizeof *texts);
    Option *options = xcalloc((size_t)fields + 1, sizeof *options);
    char *usage = xasprintf("%s [--config FILE] [--listen ADDRESS:PORT] [--data DIR] ...", argv[0]);
    int first_word;
    options[0] = (Option){"config", "FILE", "settings as JSON (config/server.json, if it is there)",
                          OPTION_TEXT, .offset = offsetof(Flags, file)};
    for (int i = 0; i < fields; i++) {
        texts[i] = config_option(i);
        options[i + 1] =
            (Option){texts[i].name, texts[i].value, texts[i].help, OPTION_CALL, .take = take_flag};
    }
    const Syntax syntax = {.usage = usage,
                           .about = about,
                           .options = options,
                           .option_count = fields + 1,
                           .explain = explain_sources};
    const bool ok = args_read(&syntax, argc, argv, flags, &first_word, exit_code);
    // The names outlive the table.
    for (int i = 0; i < flags->count; i++)
        flags->flags[i].name = xstrdup(flags->flags[i].name);
    free(usage);
    free(options);
    free(texts);
    return ok;
}

bool server_settings_read(int argc, char **argv, const char *about, ServerConfig *config,
                          int *exit_code)
{
    Flags flags = {0};
    Faults faults = {0};
    bool ok = read_flags(argc, argv, about, &flags, exit_code);
    if (ok) {
        const ConfigSources sources = {flags.file, flags.flags, flags.count, environ};
        ok = config_read(&sources, config, &faults);
        if (!ok)
            *exit_code = EXIT_USAGE;
    }
    args_print_faults("googlenetd", &faults);
    for (int i = 0; i < flags.count; i++)
        free((char *)(size_t)flags.flags[i].name);
    free(flags.flags);
    return ok;
}
