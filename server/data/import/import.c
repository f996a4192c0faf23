#include "server/data/import/import.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/folder.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "core/data/packed/packed.h"
#include "server/data/import/duplicates.h"
#include "server/data/import/report/report_build.h"
#include "server/data/import/stage.h"
#include "server/data/intake/left_out.h"
#include "server/data/intake/split.h"

typedef struct {
    const ImportConfig *config;
    ImportReport *report;
    Source *source;
    Layout layout;
    Staging *staging;
    Records records;
    PackedWriter *writer;
} Import;

/* ---- What is asked for ---- */

static bool check_config(const ImportConfig *c, Error *err)
{
    if (!image_spec_check(&c->image, err))
        return false;
    if (!(c->test_share >= 0 && c->test_share <= SPLIT_MAX_SHARE))
        return fail(err, ERR_INVALID, "test_share must be 0 to %g, got %g", SPLIT_MAX_SHARE,
                    c->test_share);
    // Before all the work; the writer looks again.
    if (!folder_is_free(c->folder))
        return fail(err, ERR_CONFLICT, "%s is there already", c->folder);
    return true;
}

bool import_goes_on(const ImportConfig *c, int64_t done, int64_t total, Error *err)
{
    return !c->progress || c->progress(c->context, done, total)
           || fail(err, ERR_STOPPED, "the import was cancelled");
}

/* ---- Reading ---- */

/* While the source is listed. When its files are decoded, the decoders' pool asks. */
static bool source_goes_on(void *context)
{
    const Import *m = context;
    const ImportConfig *c = m->config;
    return m->records.items || !c->progress || c->progress(c->context, 0, 0);
}

static bool read_source(Import *m, Error *err)
{
    const ImportConfig *c = m->config;
    ImportReport *r = m->report;
    const SourceOptions options = {.limits = c->intake,
                                   .label = c->label,
                                   .no_links = c->no_links,
                                   .go_on = source_goes_on,
                                   .context = m};
    if (!source_open(c->source, &options, &m->source, err))
        return false;
    snprintf(r->source, sizeof r->source, "%s", source_kind(m->source));
    const bool found = layout_find(m->source, &m->layout, err);
    left_out_copy(&r->left_out, &source_listing(m->source)->left_out);
    left_out_copy(&r->left_out, &m->layout.left_out);
    return found;
}

static bool no_picture(const Import *m, Error *err)
{
    const LeftOutList *l = &m->report->left_out;
    for (size_t i = 0; i < m->records.count && l->count > 0; i++)
        if (m->records.items[i].left)
            return fail(err, ERR_INVALID,
                        "%s: none of %zu files can be used; the last: %.200s: %.200s",
                        source_label(m->source), m->records.count, l->items[l->count - 1].path,
                        l->items[l->count - 1].reason);
    return fail(err, ERR_INVALID, "%s: there are no pictures", source_label(m->source));
}

static bool stage_pictures(Import *m, Error *err)
{
    const ImageSpec *image = &m->config->image;
    const size_t count = m->layout.item_count;
    m->records = (Records){.items = xcalloc(count + 1, sizeof *m->records.items), .count = count};
    char *parent = path_folder(m->config->folder);
    const bool made = staging_new(parent, decoder_pixel_bytes(image), count,
                                  m->config->pixel_memory, &m->staging, err);
    free(parent);
    if (!made)
        return false;
    Stage stage = {.config = m->config,
                   .source = m->source,
                   .layout = &m->layout,
                   .staging = m->staging,
                   .records = &m->records,
                   .report = m->report};
    const bool ok = m->layout.images[0].data ? stage_images(&stage, err) : stage_files(&stage, err);
    return ok && (m->records.kept > 0 || no_picture(m, err));
}

/* ---- Duplicates ---- */

static bool go_on(const Import *m, Error *err)
{
    const int64_t total = (int64_t)m->layout.item_count;
    return import_goes_on(m->config, total, total, err);
}

static bool staged_pixels(void *context, size_t record, uint8_t *pixels, Error *err)
{
    const Import *m = context;
    return go_on(m, err) && staging_read(m->staging, record, pixels, err);
}

/* ---- The split ---- */

static void take_given_split(Import *m)
{
    for (size_t i = 0; i < m->records.count; i++)
        m->records.items[i].split =
            m->layout.items[i].split == INTAKE_TEST ? PACKED_TEST : PACKED_TRAIN;
}

static const char *path_of(const Import *m, size_t item)
{
    return source_listing(m->source)->entries[m->layout.items[item].entry].path;
}

/* The length of the folders that all items stand in: an archive often has one around everything,
 * and shall be split as the folder that it was made of. */
static size_t common_folder(const Import *m)
{
    const char *first = path_of(m, 0);
    size_t common = strlen(first);
    for (size_t i = 1; i < m->layout.item_count; i++) {
        const char *path = path_of(m, i);
        size_t same = 0;
        while (same < common && path[same] == first[same])
            same++;
        common = same;
    }
    while (common > 0 && first[common - 1] != '/')
        common--;
    return common;
}

static bool draw_split(Import *m, Error *err)
{
    const size_t around = common_folder(m);
    SplitItem *items = xcalloc(m->records.kept, sizeof *items);
    IntakeSplit *split = xcalloc(m->records.kept, sizeof *split);
    size_t *records = xcalloc(m->records.kept, sizeof *records), count = 0;
    for (size_t i = 0; i < m->records.count; i++) {
        if (!m->records.items[i].kept)
            continue;
        items[count] = (SplitItem){
            .key = path_of(m, i) + around,
            .label = m->layout.items[i].label,
            .group = (int64_t)m->records.items[i].near,
        };
        records[count++] = i;
    }
    const bool ok = split_assign(items, count, m->layout.class_count, m->config->test_share,
                                 m->config->seed, split, err);
    for (size_t k = 0; ok && k < count; k++)
        m->records.items[records[k]].split = split[k] == INTAKE_TEST ? PACKED_TEST : PACKED_TRAIN;
    free(items);
    free(split);
    free(records);
    return ok;
}

/* ---- Writing ---- */

static bool create_pack(Import *m, Error *err)
{
    const ImportConfig *c = m->config;
    char share[32], seed[32];
    snprintf(share, sizeof share, "%g", c->test_share);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    const PackedNote notes[] = {
        {"fit", fit_name(c->image.fit)},
        {"filter", filter_name(c->image.filter)},
        {"layout", m->layout.name},
        {"test_share", share},
        {"split_seed", seed},
    };
    const PackedInfo info = {
        .image = {c->image.channels, c->image.size, c->image.size},
        .classes = m->layout.class_count,
        .class_names = (const char *const *)m->layout.classes,
        .notes = notes,
        // A split that was given has neither share nor seed.
        .note_count = m->layout.has_split ? 3 : (int)COUNT(notes),
    };
    return packed_create(c->folder, &info, &m->writer, err);
}

static bool pack_pictures(Import *m, Error *err)
{
    uint8_t *pixels = xcalloc(decoder_pixel_bytes(&m->config->image), 1);
    bool ok = true;
    for (size_t i = 0; ok && i < m->records.count; i++) {
        if (!m->records.items[i].kept)
            continue;
        ok = go_on(m, err) && staging_read(m->staging, i, pixels, err)
             && packed_add(m->writer, m->records.items[i].split, m->layout.items[i].label, pixels,
                           err);
        staging_drop(m->staging, i + 1);
    }
    free(pixels);
    return ok;
}

typedef bool WriteText(const ImportReport *report, FILE *out);

static bool write_train_names(const ImportReport *r, FILE *out)
{
    for (size_t i = 0; i < r->picture_count; i++)
        if (r->pictures[i].split == PACKED_TRAIN)
            fprintf(out, "%s\n", r->pictures[i].path);
    return !ferror(out);
}

static bool write_test_names(const ImportReport *r, FILE *out)
{
    for (size_t i = 0; i < r->picture_count; i++)
        if (r->pictures[i].split == PACKED_TEST)
            fprintf(out, "%s\n", r->pictures[i].path);
    return !ferror(out);
}

/* A file of text that comes with the set. */
static bool write_beside(Import *m, const char *name, WriteText *write_text, Error *err)
{
    char *path = xasprintf("%s/%s", packed_folder(m->writer), name);
    FILE *out = fopen(path, "we");
    bool ok = out && write_text(m->report, out) && fflush(out) == 0 && fsync(fileno(out)) == 0;
    int reason = errno;
    if (out && fclose(out) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    if (!ok)
        fail(err, error_of_system(reason), "cannot write %s: %s", path, strerror(reason));
    free(path);
    return ok;
}

static bool write_set(Import *m, Error *err)
{
    if (!create_pack(m, err))
        return false;
    if (pack_pictures(m, err) && write_beside(m, "report.json", import_report_json, err)
        && write_beside(m, "train.names", write_train_names, err)
        && write_beside(m, "test.names", write_test_names, err))
        return packed_finish(m->writer, m->report->digest, err);
    packed_abandon(m->writer);
    return false;
}

/* ---- The whole ---- */

static bool run(Import *m, Error *err)
{
    if (!check_config(m->config, err) || !read_source(m, err) || !stage_pictures(m, err))
        return false;
    if (!duplicates_find(&m->records, decoder_pixel_bytes(&m->config->image), staged_pixels, m,
                         err))
        return false;
    if (m->layout.has_split)
        take_given_split(m);
    else if (!draw_split(m, err))
        return false;
    report_build(m->report, &m->layout, source_listing(m->source), &m->records);
    if (m->report->counts[PACKED_TRAIN] == 0)
        return fail(err, ERR_INVALID,
                    "%s: no picture for training can be used; %lld for testing can",
                    m->config->source, (long long)m->report->counts[PACKED_TEST]);
    return write_set(m, err);
}

bool import_run(const ImportConfig *config, ImportReport *report, Error *err)
{
    Import m = {.config = config, .report = report};
    *report = (ImportReport){
        .image = config->image,
        .test_share = config->test_share,
        .seed = config->seed,
        .walls = -1,
    };
    const bool ok = run(&m, err);
    if (report->reason_count == 0)
        report_left_out(report);
    staging_free(m.staging);
    free(m.records.items);
    layout_clear(&m.layout);
    source_free(m.source);
    return ok;
}
