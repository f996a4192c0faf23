#include "server/data/decoder/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/descriptors.h"
#include "server/base/spawn.h"
#include "server/data/decoder/decoder_process.h"

enum {
    KEPT_BYTES = 4 << 20,     // of a slot; memory beyond is given back
    SPARE_BYTES = 128 << 20,  // for the child beside its limits
};

typedef struct {
    uint64_t ticket;
    size_t size;
    int slot;
    bool plain;
    ImageSpec image;
} Pending;

struct Decoder {
    const char *executable;
    double seconds;
    int shared;          // memfd; -1
    uint8_t *memory;     // mapped
    DecoderSetup setup;  // what the child was told; it may write over its own copy
    DecoderProcess process;

    Pending pending[DECODER_SLOTS];  // in the order of the requests
    int count;
    double deadline;  // of the first, by the clock
    bool taken[DECODER_SLOTS];

    DecoderAnswer answer;
};

/* Of fixed size: a child that shrank it would end its parent. */
static bool share_memory(Decoder *d, const DecoderSetup *setup, Error *err)
{
    const size_t bytes = decoder_memory_bytes(setup);
    d->shared =
        descriptor_out_of_the_way(memfd_create("pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (d->shared < 0 || ftruncate(d->shared, (off_t)bytes) != 0
        || fcntl(d->shared, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return fail(err, ERR_NO_MEMORY, "no memory to share with a decoder: %s", strerror(errno));
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, d->shared, 0);
    if (memory == MAP_FAILED)
        return fail(err, ERR_NO_MEMORY, "no memory to share with a decoder: %s", strerror(errno));
    d->memory = memory;
    d->setup = *setup;
    return true;
}

/* The child before may have written over its setup. */
static bool start_process(Decoder *d, Error *err)
{
    memcpy(d->memory, &d->setup, sizeof d->setup);
    return decoder_process_start(&d->process, d->executable, d->shared, err);
}

bool decoder_new(const DecoderConfig *config, Decoder **decoder, Error *err)
{
    Decoder *d = xcalloc(1, sizeof *d);
    const DecoderSetup setup = {
        .magic = DECODER_MAGIC,
        .bytes = sizeof setup,
        .image = config->image,
        .limits = config->limits,
        .most_bytes = config->most_bytes,
        .memory = (size_t)config->limits.max_memory + SPARE_BYTES,
    };
    *d = (Decoder){
        .executable = config->executable ? config->executable : spawn_program(),
        .seconds = config->seconds > 0 ? config->seconds : 30,
        .shared = -1,
        .process = {.socket = -1},
    };
    if (!share_memory(d, &setup, err) || !start_process(d, err)) {
        decoder_free(d);
        return false;
    }
    *decoder = d;
    return true;
}

void decoder_free(Decoder *d)
{
    if (!d)
        return;
    decoder_process_end(&d->process);
    if (d->memory)
        munmap(d->memory, decoder_memory_bytes(&d->setup));
    if (d->shared >= 0)
        close(d->shared);
    free(d);
}

int decoder_walls(const Decoder *d)
{
    return d->process.walls;
}

int decoder_pending(const Decoder *d)
{
    return d->count;
}

int decoder_descriptor(const Decoder *d)
{
    return d->process.socket;
}

int decoder_patience_ms(const Decoder *d)
{
    if (d->count == 0)
        return -1;
    const double left = d->deadline - clock_seconds();
    return left > 0 ? (int)(1e3 * left) + 1 : 0;
}

static int free_slot(Decoder *d)
{
    for (int slot = 0; slot < DECODER_SLOTS; slot++)
        if (!d->taken[slot])
            return slot;
    return -1;
}

uint8_t *decoder_buffer(Decoder *d)
{
    const int slot = free_slot(d);
    return slot < 0 ? NULL : decoder_bytes(d->memory, &d->setup, slot);
}

/* A child that is gone is found by decoder_collect. */
static void send_request(Decoder *d, const Pending *p)
{
    const DecoderRequest request = {
        .size = p->size, .slot = p->slot, .plain = p->plain, .image = p->image};
    while (send(d->process.socket, &request, sizeof request, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

static void start_clock(Decoder *d)
{
    d->deadline = clock_seconds() + d->seconds;
}

/* A child that nothing was asked of has nothing to say: it has ended, of no file's fault. */
static void bury_idle(Decoder *d)
{
    struct pollfd event = {.fd = d->process.socket, .events = POLLIN};
    if (d->process.pid != 0 && d->count == 0 && poll(&event, 1, 0) > 0)
        decoder_process_end(&d->process);
}

static bool submit(Decoder *d, Pending p, Error *err)
{
    p.slot = free_slot(d);
    bury_idle(d);
    if (d->process.pid == 0 && !start_process(d, err))
        return false;
    if (d->count == 0)
        start_clock(d);
    d->taken[p.slot] = true;
    d->pending[d->count] = p;
    send_request(d, &d->pending[d->count++]);
    return true;
}

bool decoder_submit(Decoder *d, uint64_t ticket, size_t size, Error *err)
{
    return submit(d, (Pending){.ticket = ticket, .size = size, .image = d->setup.image}, err);
}

bool decoder_submit_as(Decoder *d, uint64_t ticket, size_t size, const ImageSpec *image, Error *err)
{
    INVARIANT(decoder_pixel_bytes(image) <= decoder_pixel_bytes(&d->setup.image));
    return submit(d, (Pending){.ticket = ticket, .size = size, .plain = true, .image = *image},
                  err);
}

/* ---- Answers ---- */

/* A large file's memory is given back. */
static void release_pages(Decoder *d, const Pending *p)
{
    if (p->size <= KEPT_BYTES)
        return;
    const uint8_t *start = decoder_bytes(d->memory, &d->setup, p->slot);
    fallocate(d->shared, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(start - d->memory),
              (off_t)decoder_page(p->size));
}

/* The first one that was pending comes back. */
static Pending take_first(Decoder *d)
{
    const Pending first = d->pending[0];
    d->count--;
    memmove(d->pending, d->pending + 1, (size_t)d->count * sizeof *d->pending);
    d->taken[first.slot] = false;
    release_pages(d, &first);
    start_clock(d);
    return first;
}

/* The file that the child was at is given up; what waited goes to a new child. */
static bool replace_child(Decoder *d, const char *code, DecodedFile *file, Error *err)
{
    const Pending first = take_first(d);
    *file = (DecodedFile){.ticket = first.ticket, .code = code, .reason = d->answer.reason};
    if (!start_process(d, err))
        return false;
    start_clock(d);
    for (int i = 0; i < d->count; i++)
        send_request(d, &d->pending[i]);
    return true;
}

static bool child_died(Decoder *d, DecodedFile *file, Error *err)
{
    char how[96];
    // One whose socket is closed is ending already: the signal does not change how.
    spawn_status_text(decoder_process_end(&d->process), how, sizeof how);
    snprintf(d->answer.reason, sizeof d->answer.reason, "the decoder died of it (%s)", how);
    return replace_child(d, "decoder_died", file, err);
}

static bool child_hangs(Decoder *d, DecodedFile *file, Error *err)
{
    decoder_process_end(&d->process);
    snprintf(d->answer.reason, sizeof d->answer.reason, "decoding it took longer than %g s",
             d->seconds);
    return replace_child(d, "decoder_timeout", file, err);
}

static bool child_lies(Decoder *d, DecodedFile *file, Error *err)
{
    decoder_process_end(&d->process);
    snprintf(d->answer.reason, sizeof d->answer.reason, "the decoder answered nonsense about it");
    return replace_child(d, "decoder_died", file, err);
}

/* Whether an answer can be true. Its text is made printable. */
static bool believable(Decoder *d)
{
    DecoderAnswer *a = &d->answer;
    a->code[sizeof a->code - 1] = '\0';
    a->reason[sizeof a->reason - 1] = '\0';
    a->format[sizeof a->format - 1] = '\0';
    text_clean(a->code);
    text_clean(a->reason);
    text_clean(a->format);
    if (a->slot != d->pending[0].slot || a->prepared < 0 || a->prepared > 1)
        return false;
    return !a->prepared || (a->width > 0 && a->height > 0 && a->format[0]);
}

static void take_answer(Decoder *d, DecodedFile *file)
{
    const DecoderAnswer *a = &d->answer;
    const Pending first = take_first(d);
    *file = (DecodedFile){
        .ticket = first.ticket,
        .pixels = a->prepared ? decoder_pixels(d->memory, &d->setup, first.slot) : NULL,
        .width = a->width,
        .height = a->height,
        .format = a->format,
        .traits = a->traits,
        .code = a->code[0] ? a->code : "not_decoded",
        .reason = a->reason[0] ? a->reason : "it cannot be decoded",
    };
}

bool decoder_collect(Decoder *d, DecodedFile *file, bool *came, Error *err)
{
    *came = d->count > 0;
    if (!*came)
        return true;
    ssize_t got;
    do
        got = recv(d->process.socket, &d->answer, sizeof d->answer, MSG_DONTWAIT | MSG_TRUNC);
    // The second one is how an end is told whose child had not read all.
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got == sizeof d->answer) {
        if (!believable(d))
            return child_lies(d, file, err);
        take_answer(d, file);
        return true;
    }
    if (got > 0)
        return child_lies(d, file, err);
    if (got == 0 || errno != EAGAIN)
        return child_died(d, file, err);
    if (decoder_patience_ms(d) == 0)
        return child_hangs(d, file, err);
    *came = false;
    return true;
}
