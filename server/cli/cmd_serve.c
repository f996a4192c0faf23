/* googlenetd serve -- the daemon: jobs over HTTP until a signal ends it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/args.h"
#include "server/cli/commands.h"
#include "server/daemon.h"

static void print_help(void)
{
    printf("Usage: googlenetd serve [--config FILE] [--listen ADDRESS:PORT] [--data DIR] ...\n\n"
           "Take training jobs over HTTP and work through them, until SIGTERM. SIGHUP makes\n"
           "running jobs write a checkpoint.\n\n"
           "Each option can also stand in the file, {\"limits\": {\"jobs\": 100}}, or in the\n"
           "environment, GOOGLENETD_LIMITS_JOBS=100. A token never is an option: it comes from\n"
           "token_file or GOOGLENETD_TOKEN.\n\nOptions, with their usual values:\n");
    printf("  %-38s %s\n", "--config FILE",
           "settings as JSON (config/server.json, if it is there)");
    config_print_flags(stdout);
}

static void print_faults(const Faults *faults)
{
    for (int i = 0; i < faults->count && i < SPEC_MAX_FAULTS; i++) {
        const Fault *fault = &faults->items[i];
        fprintf(stderr, "googlenetd: %s%s%s\n", fault->pointer, fault->pointer[0] ? " " : "",
                fault->detail);
    }
}

static bool has(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            return true;
    }
    return false;
}

int cmd_serve(int argc, char **argv)
{
    if (has(argc, argv, "--help")) {
        print_help();
        return EXIT_OK;
    }
    if (has(argc, argv, "--version")) {
        print_version();
        return EXIT_OK;
    }
    const ConfigSources sources = {argv + 1, argc - 1, environ};
    ServerConfig config;
    Faults faults = {0};
    if (!config_read(&sources, &config, &faults)) {
        print_faults(&faults);
        return EXIT_USAGE;
    }
    Error err = {0};
    if (daemon_run(&config, &err))
        return EXIT_OK;
    fprintf(stderr, "googlenetd: %s\n", err.message);
    return EXIT_FAILED;
}
