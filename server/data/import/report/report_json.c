#include "server/data/decoder/phash.h"
#include "server/data/import/near.h"
#include "server/data/import/report/json_stream.h"
#include "server/data/import/report/report.h"

static const char *const SPLIT_NAMES[PACKED_SPLITS] = {"train", "test"};

static void put_settings(JsonStream *s, const ImportReport *r)
{
    json_put_text(s, "source", r->source);
    json_put_text(s, "layout", r->layout);
    json_open(s, "image", '{');
    json_put_int(s, "channels", r->image.channels);
    json_put_int(s, "size", r->image.size);
    json_put_text(s, "fit", fit_name(r->image.fit));
    json_put_text(s, "filter", filter_name(r->image.filter));
    json_close(s, '}');
    json_open(s, "split", '{');
    json_put_bool(s, "given", r->split_given);
    if (!r->split_given) {
        json_put_real(s, "test_share", r->test_share);
        json_put_int(s, "seed", (int64_t)r->seed);
    }
    json_close(s, '}');
}

static void put_counts(JsonStream *s, const char *key, const ReportCount *counts, size_t count)
{
    json_open(s, key, '{');
    for (size_t i = 0; i < count; i++)
        json_put_int(s, counts[i].code, counts[i].count);
    json_close(s, '}');
}

static void put_classes(JsonStream *s, const ImportReport *r)
{
    json_open(s, "counts", '{');
    json_put_int(s, "train", r->counts[PACKED_TRAIN]);
    json_put_int(s, "test", r->counts[PACKED_TEST]);
    json_put_int(s, "left_out", (int64_t)r->left_out.count);
    json_close(s, '}');
    json_open(s, "classes", '[');
    for (int c = 0; c < r->class_count; c++) {
        json_open(s, NULL, '{');
        json_put_text(s, "name", r->classes[c].name);
        json_put_int(s, "train", r->classes[c].counts[PACKED_TRAIN]);
        json_put_int(s, "test", r->classes[c].counts[PACKED_TEST]);
        json_close(s, '}');
    }
    json_close(s, ']');
    json_open(s, "imbalance", '{');
    json_put_real(s, "ratio", r->imbalance);
    if (r->imbalance >= IMBALANCE_ADVICE)
        json_put_text(s, "advice",
                      "set class_weights to \"balanced\" in the job: each class then counts alike");
    json_close(s, '}');
}

static void put_warnings(JsonStream *s, const ImportReport *r)
{
    json_open(s, "warnings", '[');
    for (size_t i = 0; i < r->warning_count; i++) {
        json_open(s, NULL, '{');
        json_put_text(s, "code", r->warnings[i].code);
        json_put_text(s, "text", r->warnings[i].text);
        json_close(s, '}');
    }
    json_close(s, ']');
}

static void put_size(JsonStream *s, const char *key, const ReportPicture *p)
{
    json_open(s, key, '{');
    json_put_int(s, "width", p->width);
    json_put_int(s, "height", p->height);
    json_put_text(s, "path", p->path);
    json_close(s, '}');
}

static void put_pictures(JsonStream *s, const ImportReport *r)
{
    put_counts(s, "formats", r->formats, r->format_count);
    json_open(s, "sizes", '{');
    if (r->picture_count > 0) {
        put_size(s, "smallest", &r->pictures[r->smallest]);
        put_size(s, "median", &r->pictures[r->median]);
        put_size(s, "largest", &r->pictures[r->largest]);
    }
    json_put_int(s, "enlarged", (int64_t)r->enlarged);
    json_close(s, '}');
    json_open(s, "pixels", '{');
    json_open(s, "mean", '[');
    for (int c = 0; c < r->image.channels; c++)
        json_put_real(s, NULL, r->mean[c]);
    json_close(s, ']');
    json_open(s, "deviation", '[');
    for (int c = 0; c < r->image.channels; c++)
        json_put_real(s, NULL, r->deviation[c]);
    json_close(s, ']');
    json_close(s, '}');
}

/* Where a picture came from, and where it is in the set. */
static void put_picture(JsonStream *s, const ImportReport *r, size_t index)
{
    const ReportPicture *p = &r->pictures[index];
    json_open(s, NULL, '{');
    json_put_text(s, "path", p->path);
    json_put_int(s, "label", p->label);
    json_put_text(s, "split", SPLIT_NAMES[p->split]);
    json_put_int(s, "index", p->index);
    json_close(s, '}');
}

static void put_group_counts(JsonStream *s, const ImportReport *r, const char *key,
                             bool same_pixels)
{
    int64_t groups = 0, pictures = 0, across = 0, labels = 0;
    for (size_t i = 0; i < r->group_count; i++) {
        const ReportGroup *g = &r->groups[i];
        if (g->same_pixels != same_pixels)
            continue;
        groups++;
        pictures += (int64_t)g->count;
        across += g->across_splits;
        labels += g->different_labels;
    }
    json_open(s, key, '{');
    json_put_int(s, "groups", groups);
    json_put_int(s, "pictures", pictures);
    json_put_int(s, "across_splits", across);
    json_put_int(s, "different_labels", labels);
    json_close(s, '}');
}

static void put_duplicates(JsonStream *s, const ImportReport *r)
{
    json_open(s, "duplicates", '{');
    json_put_int(s, "near_bits", NEAR_BITS);
    json_put_int(s, "hash_bits", PHASH_BITS);
    json_put_bool(s, "complete", r->near_complete);
    put_group_counts(s, r, "exact", true);
    put_group_counts(s, r, "near", false);
    json_open(s, "groups", '[');
    for (size_t i = 0; i < r->group_count; i++) {
        const ReportGroup *g = &r->groups[i];
        json_open(s, NULL, '{');
        json_put_text(s, "kind", g->same_pixels ? "exact" : "near");
        json_put_bool(s, "across_splits", g->across_splits);
        json_put_bool(s, "different_labels", g->different_labels);
        json_open(s, "pictures", '[');
        for (size_t k = 0; k < g->count; k++)
            put_picture(s, r, r->members[g->first + k]);
        json_close(s, ']');
        json_close(s, '}');
    }
    json_close(s, ']');
    json_close(s, '}');
}

static void put_left_out(JsonStream *s, const ImportReport *r)
{
    json_open(s, "left_out", '[');
    for (size_t i = 0; i < r->left_out.count; i++) {
        const LeftOut *l = &r->left_out.items[i];
        json_open(s, NULL, '{');
        json_put_text(s, "path", l->path);
        json_put_text(s, "code", l->code);
        json_put_text(s, "reason", l->reason);
        json_close(s, '}');
    }
    json_close(s, ']');
}

bool import_report_json(const ImportReport *r, FILE *out)
{
    JsonStream s = {.out = out, .first = true};
    json_open(&s, NULL, '{');
    put_settings(&s, r);
    put_classes(&s, r);
    put_warnings(&s, r);
    put_counts(&s, "reasons", r->reasons, r->reason_count);
    put_pictures(&s, r);
    put_duplicates(&s, r);
    json_open(&s, "one_colour", '[');
    for (size_t i = 0; i < r->one_colour_count; i++)
        put_picture(&s, r, r->one_colour[i]);
    json_close(&s, ']');
    put_left_out(&s, r);
    json_close(&s, '}');
    putc('\n', out);
    return !ferror(out);
}
