/* googlenetd serve -- the daemon: jobs over HTTP until a signal ends it. */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/cli/server_settings.h"
#include "server/daemon.h"
#include "server/unknown_variables.h"

typedef struct {
    ServerSettings server;
    bool print;
} Serve;

static const Option OPTIONS[] = {
    {"print-config", NULL, "print the settings from all sources, as a file has them, and leave",
     OPTION_FLAG, .offset = offsetof(Serve, print)},
};

static const ServerCommand COMMAND = {
    .about = "Take training jobs over HTTP and work through them, until SIGTERM. SIGHUP,\n"
             "SIGUSR1 and SIGUSR2 make running jobs write a checkpoint.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
};

static void print_unknown(void *context, const char *name, const char *meant)
{
    (void)context;
    if (meant[0])
        output_error("%s is not a known variable; did you mean %s?", name, meant);
    else
        output_error("%s is not a known variable", name);
}

static int print_config(const ServerConfig *config)
{
    cJSON *json = config_to_json(config);
    char *text = cJSON_Print(json);
    unknown_variables(environ, print_unknown, NULL);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
    return EXIT_OK;
}

int cmd_serve(int argc, char **argv)
{
    Serve serve = {.print = false};
    int exit_code;
    if (!server_settings_read(&COMMAND, argc, argv, &serve.server, &exit_code))
        return exit_code;
    if (serve.print)
        return print_config(&serve.server.config);
    Error err = {0};
    if (daemon_run(&serve.server.config, &err))
        return EXIT_OK;
    output_error("%s", err.message);
    return EXIT_FAILED;
}
