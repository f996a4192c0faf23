/* server/main.c -- googlenetd COMMAND ...: find the command in the table and run it. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/descriptors.h"
#include "server/base/threads/stacks.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/data/decoder/decoder_protocol.h"
#include "server/launch/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;  // NULL: it is not for people
} COMMANDS[] = {
    {"serve", cmd_serve, "the daemon: jobs over HTTP, with a dashboard"},
    {"health", cmd_health, "ask a daemon whether it is ready for work"},
    {"submit", cmd_submit, "give a job file to a daemon"},
    {"train", cmd_train, "train a network here and now, as a job file says"},
    {"predict", cmd_predict, "say what is in pictures, by a trained network"},
    {"evaluate", cmd_evaluate, "set a trained network against a data set"},
    {"export", cmd_export, "write a trained network as ONNX"},
    {"summary", cmd_summary, "show a network layer by layer: shapes, parameters, costs"},
    {"bench", cmd_bench, "time a training step and each layer of it"},
    {"dataset", cmd_dataset, "make a data set of a folder or an archive of pictures"},
    {DECODER_COMMAND, cmd_decode_pictures, NULL},
    {RANK_COMMAND, cmd_rank, NULL},
    {GUARD_COMMAND, cmd_guard_ranks, NULL},
};

static void print_commands(FILE *out)
{
    fprintf(out, "Usage: googlenetd COMMAND ...\n\n"
                 "Trains GoogLeNet and its relatives on CPUs.\n\nCommands:\n");
    for (size_t i = 0; i < COUNT(COMMANDS); i++)
        if (COMMANDS[i].about)
            fprintf(out, "  %-9s %s\n", COMMANDS[i].name, COMMANDS[i].about);
    fprintf(out,
            "\n`googlenetd COMMAND --help` tells more; `googlenetd --version` tells versions.\n");
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int run(int argc, char **argv)
{
    Error err = {0};
    if (!descriptors_open_standard())
        return EXIT_FAILED;
    if (!stacks_prepare(&err)) {
        output_error("%s", err.message);
        return EXIT_FAILED;
    }
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < COUNT(COMMANDS); i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0)
            return COMMANDS[i].run(argc - 1, argv + 1);
    if (is_one_of(argv[1], "--help", "-h", "help")) {
        print_commands(stdout);
        return EXIT_OK;
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        print_version();
        return EXIT_OK;
    }
    output_error("there is no command %s", argv[1]);
    print_commands(stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    // A file that may not grow any more is a write that fails, not the end of the process.
    signal(SIGXFSZ, SIG_IGN);
    // Where whoever started this ignores it, nothing is told of how a child ended.
    signal(SIGCHLD, SIG_DFL);
    output_prepare();
    return output_finish(NULL, run(argc, argv));
}
