#include "server/cli/server_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/cli/output.h"
#include "server/cli/remote/remote.h"

static bool take_flag(void *settings, const char *name, const char *text, Error *err)
{
    (void)err;
    ServerSettings *s = settings;
    s->flags = xrealloc(s->flags, (size_t)s->flag_count + 1, sizeof *s->flags);
    s->flags[s->flag_count++] = (ConfigFlag){name, text};
    return true;
}

static void explain_sources(FILE *out)
{
    fprintf(out,
            "\nEach option can also stand in the file, {\"limits\": {\"jobs\": 100}}, or in the\n"
            "environment, GOOGLENETD_LIMITS_JOBS=100. A token never is an option: it comes from\n"
            "token_file or GOOGLENETD_TOKEN.\n");
}

static const Option FILE_OPTION = {"config", "FILE",
                                   "settings as JSON (config/server.json, if it is there)",
                                   OPTION_TEXT, .offset = offsetof(ServerSettings, file)};
static const Option SERVER_OPTION = {"server", "URL",
                                     "the daemon there, http://HOST:PORT, in place of --listen",
                                     OPTION_TEXT, .offset = offsetof(ServerSettings, server)};

/* Options: --config, --server, the command's own, then the fields, whose texts go into `texts`. */
static int make_options(const ServerCommand *command, ConfigOption *texts, Option *options)
{
    int count = 0;
    options[count++] = FILE_OPTION;
    if (command->client)
        options[count++] = SERVER_OPTION;
    for (int i = 0; i < command->option_count; i++)
        options[count++] = command->options[i];
    for (int i = 0; i < config_option_count(); i++) {
        texts[i] = config_option(i);
        options[count++] =
            (Option){texts[i].name, texts[i].value, texts[i].help, OPTION_CALL, .take = take_flag};
    }
    return count;
}

static bool read_flags(const ServerCommand *command, int argc, char **argv,
                       ServerSettings *settings, int *exit_code)
{
    const size_t fields = (size_t)config_option_count();
    const char *word = command->word ? command->word : "";
    ConfigOption *texts = xcalloc(fields, sizeof *texts);
    Option *options = xcalloc(fields + 2 + (size_t)command->option_count, sizeof *options);
    char *usage =
        xasprintf("%s%s%s [--config FILE] %s ...", argv[0], *word ? " " : "", word,
                  command->client ? "[--server URL]" : "[--listen ADDRESS:PORT] [--data DIR]");
    int first_word;
    const Syntax syntax = {.usage = usage,
                           .about = command->about,
                           .options = options,
                           .option_count = make_options(command, texts, options),
                           .min_words = *word ? 1 : 0,
                           .max_words = *word ? 1 : 0,
                           .explain = explain_sources};
    const bool ok = args_read(&syntax, argc, argv, settings, &first_word, exit_code);
    if (ok && *word)
        settings->word = argv[first_word];
    // The names outlive the table.
    for (int i = 0; i < settings->flag_count; i++)
        settings->flags[i].name = xstrdup(settings->flags[i].name);
    free(usage);
    free(options);
    free(texts);
    return ok;
}

static bool read_config(ServerSettings *settings, int *exit_code)
{
    const ConfigSources sources = {settings->file, settings->flags, settings->flag_count, environ};
    Faults faults = {0};
    Error err = {0};
    bool ok = config_read(&sources, &settings->config, &faults);
    args_print_faults("googlenetd", &faults);
    if (ok && settings->server && !remote_server(settings->server, &settings->config, &err)) {
        output_error("%s", err.message);
        ok = false;
    }
    if (!ok)
        *exit_code = EXIT_USAGE;
    return ok;
}

bool server_settings_read(const ServerCommand *command, int argc, char **argv,
                          ServerSettings *settings, int *exit_code)
{
    const bool ok =
        read_flags(command, argc, argv, settings, exit_code) && read_config(settings, exit_code);
    for (int i = 0; i < settings->flag_count; i++)
        free((char *)(size_t)settings->flags[i].name);
    free(settings->flags);
    settings->flags = NULL;
    return ok;
}
