/* googlenetd serve -- the daemon: jobs over HTTP until a signal ends it. */
#include <stdio.h>

#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/cli/server_settings.h"
#include "server/daemon.h"

static const ServerCommand COMMAND = {
    .about = "Take training jobs over HTTP and work through them, until SIGTERM. SIGHUP,\n"
             "SIGUSR1 and SIGUSR2 make running jobs write a checkpoint.",
};

int cmd_serve(int argc, char **argv)
{
    ServerSettings settings = {0};
    int exit_code;
    if (!server_settings_read(&COMMAND, argc, argv, &settings, &exit_code))
        return exit_code;
    Error err = {0};
    if (daemon_run(&settings.config, &err))
        return EXIT_OK;
    output_error("%s", err.message);
    return EXIT_FAILED;
}
