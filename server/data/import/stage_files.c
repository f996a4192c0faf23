/* DESIGN. One thread reads files, hands them to decoders and takes what comes back; whatever is
 * long, decoding, hashing, the traits, is done in the decoders. Each has files waiting while it
 * decodes one. Pictures come back in any order and are staged where their item is. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/import/stage.h"
#include "server/data/intake/left_out.h"

enum {
    ASK_MS = 100,                    // between two questions whether to go on
    PICTURE_FILE_BYTES = 128 << 20,  // of a file that may be a picture
};

typedef struct {
    Stage *stage;
    Decoder **decoders;
    int count;
    size_t most_bytes;
    ptrdiff_t *items;  // by entry: its item; -1: none
    int64_t done;
} DecoderPool;

static void leave_out(Stage *s, size_t item, const char *code, const char *reason)
{
    const LeftOut row = {
        .path = layout_item_name(source_listing(s->source), &s->layout->items[item]),
        .code = import_report_word(s->report, code),
        .reason = xstrdup(reason),
    };
    left_out_put(&s->report->left_out, row);
    s->records->items[item].left = true;
}

/* ---- Decoders ---- */

static void pool_free(DecoderPool *p)
{
    for (int i = 0; i < p->count; i++)
        decoder_free(p->decoders[i]);
    free(p->decoders);
    free(p->items);
}

static bool pool_start(DecoderPool *p, Error *err)
{
    const ImportConfig *c = p->stage->config;
    const IntakeLimits limits = c->intake ? *c->intake : intake_limits_default();
    p->most_bytes =
        (size_t)(limits.entry_bytes < PICTURE_FILE_BYTES ? limits.entry_bytes : PICTURE_FILE_BYTES);
    const DecoderConfig config = {
        .image = c->image,
        .limits = c->decode ? *c->decode : decode_limits_default(),
        .most_bytes = p->most_bytes,
        .seconds = c->picture_seconds,
        .executable = c->executable,
    };
    // No more than there are files.
    const size_t files = p->stage->layout->item_count;
    int count = c->jobs > 0 ? c->jobs : 1;
    count = files < (size_t)count ? (int)files : count;
    p->decoders = xcalloc((size_t)count + 1, sizeof *p->decoders);
    for (; p->count < count; p->count++)
        if (!decoder_new(&config, &p->decoders[p->count], err))
            return false;
    p->stage->report->walls = count > 0 ? decoder_walls(p->decoders[0]) : -1;
    return true;
}

/* ---- What comes back ---- */

static bool go_on(const DecoderPool *p, Error *err)
{
    return import_goes_on(p->stage->config, p->done, (int64_t)p->stage->layout->item_count, err);
}

static bool take_picture(DecoderPool *p, const DecodedFile *file, Error *err)
{
    Stage *s = p->stage;
    Record *record = &s->records->items[file->ticket];
    p->done++;
    if (!file->pixels) {
        leave_out(s, file->ticket, file->code, file->reason);
        return true;
    }
    *record = (Record){
        .kept = true,
        .traits = file->traits,
        .width = file->width,
        .height = file->height,
        .format = import_report_word(s->report, file->format),
    };
    s->records->kept++;
    return staging_write(s->staging, file->ticket, file->pixels, err);
}

/* All that have come back; never waits. */
static bool collect(DecoderPool *p, Error *err)
{
    for (int i = 0; i < p->count; i++) {
        for (bool came = true; came;) {
            DecodedFile file;
            if (!decoder_collect(p->decoders[i], &file, &came, err)
                || (came && !take_picture(p, &file, err)))
                return false;
        }
    }
    return go_on(p, err);
}

/* Wait until something comes back, or for a moment. */
static void wait_a_moment(const DecoderPool *p)
{
    struct pollfd *events = xcalloc((size_t)p->count + 1, sizeof *events);
    nfds_t count = 0;
    int patience = ASK_MS;
    for (int i = 0; i < p->count; i++) {
        const int ms = decoder_patience_ms(p->decoders[i]);
        if (ms < 0)
            continue;
        patience = ms < patience ? ms : patience;
        events[count++] =
            (struct pollfd){.fd = decoder_descriptor(p->decoders[i]), .events = POLLIN};
    }
    poll(events, count, patience);
    free(events);
}

/* ---- What goes out ---- */

/* The one with the least to do; NULL: none has room. */
static Decoder *with_room(const DecoderPool *p)
{
    Decoder *found = NULL;
    int least = DECODER_SLOTS;
    for (int i = 0; i < p->count; i++) {
        if (decoder_pending(p->decoders[i]) < least) {
            least = decoder_pending(p->decoders[i]);
            found = p->decoders[i];
        }
    }
    return found;
}

static bool hand_out(DecoderPool *p, const SourceFile *file, Error *err)
{
    const ptrdiff_t item = p->items[file->entry];
    if (file->size > p->most_bytes) {
        leave_out(p->stage, (size_t)item, left_code_name(LEFT_TOO_LARGE),
                  "the file is larger than pictures may be");
        p->done++;
        return true;
    }
    Decoder *d;
    while (!(d = with_room(p))) {
        wait_a_moment(p);
        if (!collect(p, err))
            return false;
    }
    memcpy(decoder_buffer(d), file->bytes, file->size);
    return decoder_submit(d, (uint64_t)item, file->size, err) && go_on(p, err);
}

static bool any_pending(const DecoderPool *p)
{
    for (int i = 0; i < p->count; i++)
        if (decoder_pending(p->decoders[i]) > 0)
            return true;
    return false;
}

static bool run_pass(DecoderPool *p, const bool *wanted, Error *err)
{
    Stage *s = p->stage;
    SourceFile file;
    SourceStep step;
    if (!source_begin(s->source, wanted, err))
        return false;
    while ((step = source_next(s->source, &file, err)) != SOURCE_END) {
        if (step == SOURCE_FAILED)
            return false;
        if (step == SOURCE_UNREADABLE) {
            leave_out(s, (size_t)p->items[file.entry], left_code_name(LEFT_UNREADABLE),
                      err->message);
            *err = (Error){0};
            p->done++;
        } else if (!hand_out(p, &file, err)) {
            return false;
        }
    }
    while (any_pending(p)) {
        wait_a_moment(p);
        if (!collect(p, err))
            return false;
    }
    return true;
}

bool stage_files(Stage *s, Error *err)
{
    const size_t entries = source_listing(s->source)->count;
    DecoderPool p = {.stage = s, .items = xcalloc(entries + 1, sizeof *p.items)};
    bool *wanted = xcalloc(entries + 1, sizeof *wanted);
    for (size_t i = 0; i < entries; i++)
        p.items[i] = -1;
    for (size_t i = 0; i < s->layout->item_count; i++) {
        p.items[s->layout->items[i].entry] = (ptrdiff_t)i;
        wanted[s->layout->items[i].entry] = true;
    }
    const bool ok = pool_start(&p, err) && run_pass(&p, wanted, err);
    for (size_t i = 0; ok && i < s->records->count; i++)
        if (!s->records->items[i].kept && !s->records->items[i].left)
            leave_out(s, i, left_code_name(LEFT_UNREADABLE), "it is not there any more");
    pool_free(&p);
    free(wanted);
    return ok;
}
