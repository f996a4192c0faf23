/* DESIGN. The process has one thread and leaves by _exit: what OpenMP's library, oneDNN's or a
 * sanitizer's want to do at an end is none of its business, and the sandbox would not let them. */
#include "server/data/decoder/decoder_child.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/data/decoder/sandbox.h"

typedef struct {
    PreparePicture *prepare;
    DecoderSetup setup;
    uint8_t *memory;
    TraitsMaker *maker;
} Work;

/* The memory that the parent shares, and what is set up there; NULL: this is not such a process. */
static uint8_t *map_memory(DecoderSetup *setup)
{
    struct stat info;
    if (fstat(DECODER_MEMORY, &info) != 0 || (size_t)info.st_size < sizeof(DecoderSetup))
        return NULL;
    void *memory =
        mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, DECODER_MEMORY, 0);
    if (memory == MAP_FAILED)
        return NULL;
    memcpy(setup, memory, sizeof *setup);
    const bool ok = setup->magic == DECODER_MAGIC && setup->bytes == sizeof *setup
                    && (size_t)info.st_size == decoder_memory_bytes(setup);
    return ok ? memory : NULL;
}

static bool send_message(const void *message, size_t size)
{
    ssize_t sent;
    do
        sent = write(DECODER_SOCKET, message, size);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

static bool receive_request(DecoderRequest *request)
{
    ssize_t got;
    do
        got = read(DECODER_SOCKET, request, sizeof *request);
    while (got < 0 && errno == EINTR);
    return got == sizeof *request;
}

static void answer(const Work *w, const DecoderRequest *r, DecoderAnswer *a)
{
    const DecoderSetup *s = &w->setup;
    Error err = {0};
    PictureFacts facts = {.format = ""};
    uint8_t *pixels = decoder_pixels(w->memory, s, r->slot);
    const uint8_t *bytes = decoder_bytes(w->memory, s, r->slot);
    memset(a, 0, sizeof *a);
    a->slot = r->slot;
    a->prepared = w->prepare(bytes, r->size, &r->image, &s->limits, pixels, &facts, &err);
    a->width = facts.width;
    a->height = facts.height;
    snprintf(a->format, sizeof a->format, "%s", facts.format);
    if (a->prepared && !r->plain)
        traits_of(w->maker, pixels, &a->traits);
    snprintf(a->code, sizeof a->code, "%s", err.reason ? err.reason : "");
    snprintf(a->reason, sizeof a->reason, "%.*s", (int)sizeof a->reason - 1, err.message);
}

/* The next picture takes the memory of the last one, which need not be cleared again by the kernel:
 * up to so many bytes stay with the process. */
static void keep_memory(void)
{
    enum { KEPT_MOST = 32 << 20 };  // more is not accepted
    mallopt(M_MMAP_THRESHOLD, KEPT_MOST);
    mallopt(M_TRIM_THRESHOLD, 2 * KEPT_MOST);
}

/* What a library loads or opens at its first use, it does now. */
static void warm_up(Work *w)
{
    Traits traits;
    w->maker = traits_maker_new(w->setup.image.size, w->setup.image.channels);
    traits_of(w->maker, decoder_pixels(w->memory, &w->setup, 0), &traits);
}

_Noreturn void decoder_child_run(PreparePicture *prepare)
{
    Work work = {.prepare = prepare};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    closefrom(DECODER_MEMORY + 1);
    work.memory = map_memory(&work.setup);
    if (!work.memory)
        _exit(1);
    close(DECODER_MEMORY);
    keep_memory();
    warm_up(&work);
    const DecoderHello hello = {.walls = sandbox_enter(DECODER_SOCKET, work.setup.memory)};
    if (hello.walls < 0 || !send_message(&hello, sizeof hello))
        _exit(1);
    for (DecoderRequest request; receive_request(&request);) {
        DecoderAnswer a;
        answer(&work, &request, &a);
        if (!send_message(&a, sizeof a))
            break;
    }
    _exit(0);
}
