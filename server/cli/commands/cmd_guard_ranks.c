/* googlenetd guard-ranks LAUNCHER ... -- what the daemon starts to run a launcher; not a command
 * for people. */
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/launch/guard.h"

int cmd_guard_ranks(int argc, char **argv)
{
    return argc < 2 ? EXIT_USAGE : guard_run(argv + 1);
}
