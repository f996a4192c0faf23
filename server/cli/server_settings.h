/* server/cli/server_settings.h -- the daemon's settings, for commands that serve or look after it.
 */
#pragma once
#include "server/config.h"

/* Read from arguments, environment and file; argv[0] is the command's name, `about` a paragraph for
 * --help. True: go on. False: leave with *exit_code; all is said. */
bool server_settings_read(int argc, char **argv, const char *about, ServerConfig *config,
                          int *exit_code);
