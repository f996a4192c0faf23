/* tests/server/data/decoder/test_decoder.c -- a decoder that misbehaves costs one picture. */
#include "server/data/decoder/decoder.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "server/data/decoder/sandbox.h"
#include "tests/check.h"
#include "tests/server/data/decoder/wild.h"

enum { SIZE = 8, BYTES = SIZE * SIZE * 3 };

static DecoderConfig config(void)
{
    return (DecoderConfig){
        .image = {.channels = 3, .size = SIZE},
        .limits = {.max_pixels = 1000, .max_memory = 256 << 20},
        .most_bytes = 1 << 20,
        .seconds = 20,
        .executable = WILD_DECODER,
    };
}

static Decoder *decoder_of(const DecoderConfig *c)
{
    Error err = {0};
    Decoder *d = NULL;
    CHECK_OK(decoder_new(c, &d, &err), err);
    return d;
}

static void submit(Decoder *d, uint64_t ticket, const char *file)
{
    Error err = {0};
    uint8_t *buffer = decoder_buffer(d);
    assert_non_null(buffer);
    memcpy(buffer, file, strlen(file));
    CHECK_OK(decoder_submit(d, ticket, strlen(file), &err), err);
}

static DecodedFile collect(Decoder *d)
{
    Error err = {0};
    DecodedFile file;
    for (bool came = false;;) {
        CHECK_OK(decoder_collect(d, &file, &came, &err), err);
        if (came)
            return file;
        assert_true(decoder_pending(d) > 0);
        struct pollfd event = {.fd = decoder_descriptor(d), .events = POLLIN};
        poll(&event, 1, decoder_patience_ms(d));
    }
}

static void check_good(const DecodedFile *file, uint64_t ticket, const char *text)
{
    uint8_t want[BYTES];
    uint64_t sum = 0;
    wild_pixels((const uint8_t *)text, strlen(text), want, BYTES);
    assert_int_equal(file->ticket, ticket);
    if (!file->pixels)
        fail_msg("left out: %s", file->reason);
    assert_memory_equal(file->pixels, want, BYTES);
    assert_string_equal(file->format, "Wild");
    assert_int_equal(file->width, 4);
    assert_int_equal(file->height, 3);
    for (int i = 0; i < BYTES; i += 3)
        sum += want[i];
    assert_int_equal(file->traits.sum[0], sum);
}

static void check_left_out(const DecodedFile *file, uint64_t ticket, const char *code,
                           const char *reason)
{
    assert_int_equal(file->ticket, ticket);
    assert_null(file->pixels);
    assert_string_equal(file->code, code);
    assert_string_equal(file->reason, reason);
}

static void pixels_and_refusals_come_back_in_order(void **state)
{
    (void)state;
    const DecoderConfig c = config();
    Decoder *d = decoder_of(&c);
    for (uint64_t round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < DECODER_SLOTS; i++)
            submit(d, 100 * round + i, (round + i) % 3 ? "goodA" : "bad");
        assert_null(decoder_buffer(d));
        assert_int_equal(decoder_pending(d), DECODER_SLOTS);
        for (uint64_t i = 0; i < DECODER_SLOTS; i++) {
            const DecodedFile file = collect(d);
            if ((round + i) % 3)
                check_good(&file, 100 * round + i, "goodA");
            else
                check_left_out(&file, 100 * round + i, "picture_unknown",
                               "not a picture?at all: 3 bytes");
        }
    }
    decoder_free(d);
}

/* A file that ends the child, and one that waited behind it: only the first is lost. */
static void check_costs_one(const char *file, const char *code, const char *reason)
{
    DecoderConfig c = config();
    c.seconds = strcmp(file, "hang") == 0 ? 0.3 : c.seconds;
    Decoder *d = decoder_of(&c);
    submit(d, 1, file);
    submit(d, 2, "goodB");
    DecodedFile left = collect(d);
    check_left_out(&left, 1, code, reason);
    DecodedFile kept = collect(d);
    check_good(&kept, 2, "goodB");
    submit(d, 3, "goodC");
    kept = collect(d);
    check_good(&kept, 3, "goodC");
    decoder_free(d);
}

static void a_child_that_ends_costs_one_picture(void **state)
{
    (void)state;
    check_costs_one("die", "decoder_died",
                    "the decoder died of it (signal 11, Segmentation fault)");
    check_costs_one("give_up", "decoder_died", "the decoder died of it (signal 6, Aborted)");
    check_costs_one("leave", "decoder_died", "the decoder died of it (exit code 7)");
}

static void a_child_that_hangs_costs_one_picture(void **state)
{
    (void)state;
    check_costs_one("hang", "decoder_timeout", "decoding it took longer than 0.3 s");
}

static void a_child_that_lies_costs_one_picture(void **state)
{
    (void)state;
    check_costs_one("say_nonsense", "decoder_died", "the decoder answered nonsense about it");
    check_costs_one("answer_twice", "decoder_died", "the decoder answered nonsense about it");
}

static void what_a_decoder_may_not_do_ends_it(void **state)
{
    (void)state;
    static const char *const FILES[] = {"open_file",     "make_file",      "make_socket",
                                        "start_process", "run_program",    "kill_parent",
                                        "map_code",      "write_elsewhere"};
    const DecoderConfig c = config();
    Decoder *d = decoder_of(&c);
    if (!(decoder_walls(d) & SANDBOX_SECCOMP)) {
        decoder_free(d);
        skip();
    }
    for (size_t i = 0; i < COUNT(FILES); i++) {
        submit(d, i, FILES[i]);
        const DecodedFile file = collect(d);
        check_left_out(&file, i, "decoder_died",
                       "the decoder died of it (signal 31, Bad system call)");
    }
    decoder_free(d);
}

#ifdef LIMITED_MEMORY  // no sanitizer lives in a limited address space
static void memory_ends_at_the_limit(void **state)
{
    (void)state;
    const DecoderConfig c = config();
    Decoder *d = decoder_of(&c);
    submit(d, 1, "eat");
    const DecodedFile file = collect(d);
    check_left_out(&file, 1, "could_not", "eat");
    decoder_free(d);
}
#endif

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    const DecoderConfig c = config();
    const int before = open_descriptors();
    for (int i = 0; i < 5; i++) {
        Decoder *d = decoder_of(&c);
        submit(d, 1, "die");
        submit(d, 2, "hang");
        collect(d);
        decoder_free(d);  // while the child is at it
    }
    decoder_free(NULL);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);  // no child, no zombie
}

static void a_program_that_does_not_decode_is_an_error(void **state)
{
    (void)state;
    DecoderConfig c = config();
    Decoder *d = NULL;
    Error err;
    c.executable = "/bin/true";
    CHECK_REFUSED(decoder_new(&c, &d, &err), err, ERR_IO,
                  "/bin/true, started to decode pictures, does not do it: exit code 0");
    c.executable = "/nowhere/googlenetd";
    CHECK_REFUSED(decoder_new(&c, &d, &err), err, ERR_IO,
                  "cannot start /nowhere/googlenetd to decode pictures: No such file or directory");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Whether a process runs: not gone, and no zombie that nobody has asked for. */
static bool runs(pid_t pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    const size_t got = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    const char *state = got > 0 ? strrchr(text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

static pid_t first_child_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "re");
    if (!f || fscanf(f, "%d", &child) != 1)
        child = 0;
    if (f)
        fclose(f);
    return child;
}

static void a_parent_that_is_killed_leaves_no_orphan(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        const DecoderConfig c = config();
        Decoder *d = NULL;
        if (!decoder_new(&c, &d, NULL))
            _exit(1);
        memcpy(decoder_buffer(d), "hang", 4);
        decoder_submit(d, 1, 4, NULL);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    const pid_t child = first_child_of(parent);
    assert_true(child > 0 && runs(child));
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    for (const double end = clock_seconds() + 20; runs(child) && clock_seconds() < end;)
        usleep(1000);
    assert_false(runs(child));
    close(ready[0]);
    close(ready[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_and_refusals_come_back_in_order),
        cmocka_unit_test(a_child_that_ends_costs_one_picture),
        cmocka_unit_test(a_child_that_hangs_costs_one_picture),
        cmocka_unit_test(a_child_that_lies_costs_one_picture),
        cmocka_unit_test(what_a_decoder_may_not_do_ends_it),
#ifdef LIMITED_MEMORY
        cmocka_unit_test(memory_ends_at_the_limit),
#endif
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(a_program_that_does_not_decode_is_an_error),
        cmocka_unit_test(a_parent_that_is_killed_leaves_no_orphan),
    };
    return RUN_TESTS(tests);
}
