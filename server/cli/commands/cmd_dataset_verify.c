/* googlenetd dataset verify -- are the files of packed sets what they were when they were made? */
#include <stdio.h>

#include "core/data/packed/packed.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"
#include "server/cli/run/interrupt.h"

static const Syntax SYNTAX = {
    .usage = "dataset verify DIR...",
    .about =
        "Read data sets that `googlenetd dataset import` or the daemon has made (there, a set is\n"
        "DATA/datasets/set_1/pixels), and compare every byte with the checksums in set.index.\n\n"
        "Exit code: 0 all are as they were made, 1 one is damaged or cannot be read, 2 faulty\n"
        "arguments, 128 and the signal's number when one ended it.",
    .min_words = 1,
    .max_words = 1000,
};

static bool go_on(void *context)
{
    (void)context;
    return !interrupt_signal();
}

static bool verify(const char *folder, Output *out)
{
    PackedIndex *index;
    Error err = {0};
    if (!packed_verify(folder, go_on, NULL, &err) || !packed_read_index(folder, &index, &err)) {
        if (!interrupt_signal())
            output_error("%s", err.message);
        return false;
    }
    output_line(out, "%s: whole, %d pictures for training, %d for testing, digest %s", folder,
                index->counts[PACKED_TRAIN], index->counts[PACKED_TEST], index->digest);
    packed_index_free(index);
    return true;
}

int cmd_dataset_verify(int argc, char **argv)
{
    int first_word, exit_code;
    bool ok = true;
    if (!args_read(&SYNTAX, argc, argv, NULL, &first_word, &exit_code))
        return exit_code;
    interrupt_install();
    Output out = {0};
    for (int i = first_word; i < argc && !interrupt_signal(); i++)
        ok = verify(argv[i], &out) && ok;
    exit_code = output_finish(&out, ok ? EXIT_OK : EXIT_FAILED);
    return interrupt_signal() ? 128 + interrupt_signal() : exit_code;
}
