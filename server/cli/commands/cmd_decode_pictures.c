/* googlenetd decode-pictures -- what an import starts to read pictures:
 * server/data/decoder/decoder.h has the parent, decoder_child.h the life of this process. Not a
 * command for people. */
#include "server/cli/commands/commands.h"
#include "server/data/decoder/decoder_child.h"

int cmd_decode_pictures(int argc, char **argv)
{
    (void)argc, (void)argv;
    decoder_child_run(prepare_picture);
}
