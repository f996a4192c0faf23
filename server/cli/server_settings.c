#include "server/cli/server_settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/args.h"

static void print_help(const char *command, const char *about)
{
    printf("Usage: googlenetd %s [--config FILE] [--listen ADDRESS:PORT] [--data DIR] ...\n\n"
           "%s\n\n"
           "Each option can also stand in the file, {\"limits\": {\"jobs\": 100}}, or in the\n"
           "environment, GOOGLENETD_LIMITS_JOBS=100. A token never is an option: it comes from\n"
           "token_file or GOOGLENETD_TOKEN.\n\nOptions, with their usual values:\n",
           command, about);
    printf("  %-38s %s\n", "--config FILE",
           "settings as JSON (config/server.json, if it is there)");
    config_print_flags(stdout);
}

static bool has(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            return true;
    }
    return false;
}

bool server_settings_read(int argc, char **argv, const char *about, ServerConfig *config,
                          int *exit_code)
{
    *exit_code = EXIT_OK;
    if (has(argc, argv, "--help")) {
        print_help(argv[0], about);
        return false;
    }
    if (has(argc, argv, "--version")) {
        print_version();
        return false;
    }
    const ConfigSources sources = {argv + 1, argc - 1, environ};
    Faults faults = {0};
    if (config_read(&sources, config, &faults))
        return true;
    args_print_faults("googlenetd", &faults);
    *exit_code = EXIT_USAGE;
    return false;
}
