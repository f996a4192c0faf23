/* googlenetd health -- ask the daemon's /readyz, for health checks where there is no HTTP client,
 * as in a container. It finds the daemon by the same settings. */
#include <stdio.h>
#include <string.h>

#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/cli/remote/daemon_client.h"
#include "server/cli/server_settings.h"

static const ServerCommand COMMAND = {
    .about = "Ask the daemon that has these settings whether it is ready for work. Exit code 0 if\n"
             "it is; else 1, and the reason on stderr.",
    .client = true,
};

static bool is_ready(const ServerConfig *config, Error *err)
{
    static const DaemonRequest REQUEST = {.method = "GET", .path = "/readyz", .timeout_seconds = 3};
    DaemonAnswer answer;
    bool ok = daemon_ask(config, &REQUEST, &answer, err);
    if (ok && answer.status != 200)
        ok = fail(err, ERR_CONFLICT, "not ready, %d: %.*s", answer.status,
                  (int)strcspn(answer.body, "\r\n"), answer.body);
    daemon_answer_free(&answer);
    return ok;
}

int cmd_health(int argc, char **argv)
{
    ServerSettings settings = {0};
    Error err = {0};
    int exit_code;
    if (!server_settings_read(&COMMAND, argc, argv, &settings, &exit_code))
        return exit_code;
    if (is_ready(&settings.config, &err)) {
        printf("ready\n");
        return EXIT_OK;
    }
    output_error("%s", err.message);
    return EXIT_FAILED;
}
