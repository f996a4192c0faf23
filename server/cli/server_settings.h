/* server/cli/server_settings.h -- the daemon's settings, for commands that serve or talk to it. */
#pragma once
#include "server/config.h"

/* What such a command takes besides the settings. */
typedef struct {
    const char *about;  // a paragraph for --help
    const char *word;   // "JOB.json", its one argument; NULL: it takes none
    struct {
        const char *name, *value, *help;  // an option of its own; zeros: none
    } option;
} ServerCommand;

typedef struct {
    ServerConfig config;
    const char *word;    // NULL: the command takes none
    const char *option;  // the value of its own; NULL: not given
} ServerSettings;

/* Read from arguments, environment and file; argv[0] is the command's name. True: go on. False:
 * leave with *exit_code; all is said. */
bool server_settings_read(const ServerCommand *command, int argc, char **argv,
                          ServerSettings *settings, int *exit_code);
