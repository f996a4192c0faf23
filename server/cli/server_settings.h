/* server/cli/server_settings.h -- the daemon's settings, for commands that serve or talk to it. */
#pragma once
#include "server/cli/args.h"
#include "server/config.h"

/* What such a command takes besides the settings. */
typedef struct {
    const char *about;      // a paragraph for --help
    const char *word;       // "JOB.json", its one argument; NULL: it takes none
    bool client;            // it talks to the daemon, which may be another: --server
    const Option *options;  // of its own; their offsets are in a struct that begins with settings
    int option_count;
} ServerCommand;

typedef struct {
    ServerConfig config;
    const char *word;    // NULL: the command takes none
    const char *server;  // NULL: the daemon that has these settings
    // While they are read.
    const char *file;
    ConfigFlag *flags;
    int flag_count;
} ServerSettings;

/* Read from arguments, environment and file; argv[0] is the command's name. True: go on. False:
 * leave with *exit_code; all is said. */
bool server_settings_read(const ServerCommand *command, int argc, char **argv,
                          ServerSettings *settings, int *exit_code);
