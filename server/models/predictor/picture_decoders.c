#include "server/models/predictor/picture_decoders.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/data/decoder/decoder.h"

struct PictureDecoders {
    PictureDecodersConfig config;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    Decoder **idle;  // the one used last is at the end, and the next to be used
    int idle_count;
    PictureDecodersCounts counts;  // its processes are those that were started
};

PictureDecoders *picture_decoders_new(const PictureDecodersConfig *config)
{
    PictureDecoders *d = xcalloc(1, sizeof *d);
    d->config = *config;
    d->idle = xcalloc((size_t)config->processes, sizeof(Decoder *));
    pthread_mutex_init(&d->lock, NULL);
    cond_init_monotonic(&d->returned);
    return d;
}

void picture_decoders_free(PictureDecoders *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->idle_count; i++)
        decoder_free(d->idle[i]);
    free(d->idle);
    pthread_cond_destroy(&d->returned);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* Largest of what may be asked for: a process makes its pictures in memory that it has from its
 * start. */
static DecoderConfig config_of(const PictureDecoders *d)
{
    return (DecoderConfig){.image = {.channels = 3, .size = IMAGE_SIZE_MAX},
                           .limits = d->config.limits,
                           .most_bytes = d->config.most_bytes,
                           .seconds = d->config.seconds,
                           .executable = d->config.executable};
}

/* A decoder for this thread alone; NULL on failure. */
static Decoder *borrow(PictureDecoders *d, double seconds, Error *err)
{
    const struct timespec until = clock_after(seconds);
    Decoder *decoder = NULL;
    int waited = 0;
    pthread_mutex_lock(&d->lock);
    while (d->idle_count == 0 && d->counts.processes == d->config.processes && waited == 0)
        waited = pthread_cond_timedwait(&d->returned, &d->lock, &until);
    const bool new = d->idle_count == 0 && d->counts.processes < d->config.processes;
    if (d->idle_count > 0)
        decoder = d->idle[--d->idle_count];
    d->counts.processes += new;
    pthread_mutex_unlock(&d->lock);
    if (!new && !decoder)
        fail_as(err, ERR_CONFLICT, "busy", "pictures wait to be decoded, and this one for %.3g s",
                seconds);
    const DecoderConfig config = config_of(d);
    if (new && !decoder_new(&config, &decoder, err)) {
        decoder = NULL;
        pthread_mutex_lock(&d->lock);
        d->counts.processes--;
        pthread_cond_signal(&d->returned);
        pthread_mutex_unlock(&d->lock);
    }
    return decoder;
}

static void give_back(PictureDecoders *d, Decoder *decoder, bool decoded)
{
    pthread_mutex_lock(&d->lock);
    d->counts.decoded += decoded;
    d->counts.failed += !decoded;
    d->idle[d->idle_count++] = decoder;
    pthread_cond_signal(&d->returned);
    pthread_mutex_unlock(&d->lock);
}

/* A reason is a literal; what a process says is text. */
static const char *reason_of(const char *code)
{
    static const char *const REASONS[] = {
        "picture_empty",    "picture_unknown",   "picture_format",
        "picture_animated", "picture_too_large", "picture_truncated",
        "picture_damaged",  "decoder_died",      "decoder_timeout"};
    for (size_t i = 0; i < COUNT(REASONS); i++)
        if (strcmp(code, REASONS[i]) == 0)
            return REASONS[i];
    return "picture_damaged";
}

/* Wait for the answer to the one file that is pending. */
static bool await(Decoder *decoder, DecodedFile *file, Error *err)
{
    for (bool came = false; !came;) {
        struct pollfd event = {.fd = decoder_descriptor(decoder), .events = POLLIN};
        poll(&event, 1, decoder_patience_ms(decoder));
        if (!decoder_collect(decoder, file, &came, err))
            return false;
    }
    return true;
}

static bool decode(Decoder *decoder, const uint8_t *bytes, size_t size, const ImageSpec *spec,
                   uint8_t *pixels, Error *err)
{
    DecodedFile file;
    memcpy(decoder_buffer(decoder), bytes, size);
    if (!decoder_submit_as(decoder, 0, size, spec, err) || !await(decoder, &file, err))
        return false;
    if (!file.pixels)
        return fail_as(err, ERR_INVALID, reason_of(file.code), "%s", file.reason);
    memcpy(pixels, file.pixels, (size_t)spec->size * (size_t)spec->size * (size_t)spec->channels);
    return true;
}

bool picture_decoders_run(PictureDecoders *d, const uint8_t *bytes, size_t size,
                          const ImageSpec *spec, double seconds, uint8_t *pixels, Error *err)
{
    if (size > d->config.most_bytes)
        return fail_as(err, ERR_INVALID, "picture_too_large",
                       "the file has %zu bytes, more than %zu", size, d->config.most_bytes);
    Decoder *decoder = borrow(d, seconds, err);
    if (!decoder)
        return false;
    const bool ok = decode(decoder, bytes, size, spec, pixels, err);
    give_back(d, decoder, ok);
    return ok;
}

PictureDecodersCounts picture_decoders_counts(PictureDecoders *d)
{
    pthread_mutex_lock(&d->lock);
    const PictureDecodersCounts counts = d->counts;
    pthread_mutex_unlock(&d->lock);
    return counts;
}
