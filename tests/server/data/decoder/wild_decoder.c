/* tests/server/data/decoder/wild_decoder.c -- a decoder that does what its file says: the walls and
 * the parent of the real one are put to the test with it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/decoder/decoder_child.h"
#include "tests/server/data/decoder/wild.h"

/* What a fault in a decoder may be made to do. Each returns whether it could. */

static bool open_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool make_file(void)
{
    return open("/tmp/wild-decoder", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool start_process(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0;
}

static bool run_program(void)
{
    return execl("/bin/true", "true", NULL) == 0;
}

static bool kill_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
           != MAP_FAILED;
}

static bool write_elsewhere(void)
{
    return write(STDERR_FILENO, "x", 1) == 1;
}

static bool die(void)
{
    signal(SIGSEGV, SIG_DFL);  // a sanitizer has a handler for it
    raise(SIGSEGV);
    return true;
}

static bool give_up(void)
{
    abort();
}

static bool leave(void)
{
    _exit(7);
}

static bool hang(void)
{
    for (volatile int end = 0; !end;)
        continue;
    return true;
}

static bool say_nonsense(void)
{
    return write(DECODER_SOCKET, "nonsense", 8) == 8;
}

static bool answer_twice(void)
{
    const DecoderAnswer other = {.slot = 77, .prepared = 1, .width = 1, .height = 1};
    return write(DECODER_SOCKET, &other, sizeof other) == sizeof other;
}

static bool eat(void)
{
    enum { PIECE = 1 << 20, MOST = 2048 };
    for (int i = 0; i < MOST; i++)
        if (!malloc(PIECE))
            return false;
    return true;
}

static const struct {
    const char *name;
    bool (*act)(void);
} ACTS[] = {
    {"open_file", open_file},
    {"make_file", make_file},
    {"make_socket", make_socket},
    {"start_process", start_process},
    {"run_program", run_program},
    {"kill_parent", kill_parent},
    {"map_code", map_code},
    {"write_elsewhere", write_elsewhere},
    {"die", die},
    {"give_up", give_up},
    {"leave", leave},
    {"hang", hang},
    {"say_nonsense", say_nonsense},
    {"answer_twice", answer_twice},
    {"eat", eat},
};

/* "good..." is a picture; one of ACTS is done; anything else is refused. */
static bool prepare_wildly(const uint8_t *bytes, size_t size, const ImageSpec *spec,
                           const DecodeLimits *limits, uint8_t *dst, PictureFacts *facts,
                           Error *err)
{
    (void)limits;
    if (size > 4 && memcmp(bytes, "good", 4) == 0) {
        wild_pixels(bytes, size, dst, decoder_pixel_bytes(spec));
        *facts = (PictureFacts){.format = "Wild", .width = 4, .height = 3, .channels = 3};
        return true;
    }
    for (size_t i = 0; i < COUNT(ACTS); i++)
        if (size == strlen(ACTS[i].name) && memcmp(bytes, ACTS[i].name, size) == 0)
            return fail_as(err, ERR_INVALID, ACTS[i].act() ? "could" : "could_not", "%s",
                           ACTS[i].name);
    return fail_as(err, ERR_INVALID, "picture_unknown", "not a picture\nat all: %zu bytes", size);
}

int main(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], DECODER_COMMAND) != 0)
        return 2;
    decoder_child_run(prepare_wildly);
}
