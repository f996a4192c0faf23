#include "server/data/import/report/report_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/intake/left_out.h"

/* ---- Classes and pictures ---- */

static void build_pictures(ImportReport *r, const Layout *layout, const Listing *listing,
                           const Records *records)
{
    r->pictures = xcalloc(records->kept + 1, sizeof *r->pictures);
    for (size_t i = 0; i < records->count; i++) {
        const Record *record = &records->items[i];
        if (!record->kept)
            continue;
        const LayoutItem *item = &layout->items[i];
        int *count = &r->classes[item->label].counts[record->split];
        r->pictures[r->picture_count++] = (ReportPicture){
            .path = layout_item_name(listing, item),
            .label = item->label,
            .split = record->split,
            .index = (int32_t)r->counts[record->split]++,
            .width = record->width,
            .height = record->height,
        };
        ++*count;
    }
}

static void build_classes(ImportReport *r, const Layout *layout)
{
    r->class_count = layout->class_count;
    r->classes = xcalloc((size_t)layout->class_count + 1, sizeof *r->classes);
    for (int c = 0; c < layout->class_count; c++)
        r->classes[c].name = xstrdup(layout->classes[c]);
}

static void build_imbalance(ImportReport *r)
{
    int most = 0, least = 0;
    for (int c = 0; c < r->class_count; c++) {
        const int count = r->classes[c].counts[PACKED_TRAIN];
        most = count > most ? count : most;
        least = count > 0 && (least == 0 || count < least) ? count : least;
    }
    r->imbalance = least > 0 ? (double)most / least : 0;
}

/* ---- Counts by name ---- */

static int by_count(const void *a, const void *b)
{
    const ReportCount *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->code, y->code);
}

static void count_one(ReportCount **counts, size_t *count, const char *code)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*counts)[i].code, code) == 0) {
            (*counts)[i].count++;
            return;
        }
    }
    *counts = xrealloc(*counts, *count + 1, sizeof **counts);
    (*counts)[(*count)++] = (ReportCount){.code = code, .count = 1};
}

void report_left_out(ImportReport *r)
{
    left_out_sort(&r->left_out);
    for (size_t i = 0; i < r->left_out.count; i++)
        count_one(&r->reasons, &r->reason_count, r->left_out.items[i].code);
    if (r->reason_count)
        qsort(r->reasons, r->reason_count, sizeof *r->reasons, by_count);
}

static void build_formats(ImportReport *r, const Records *records)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->items[i].kept)
            count_one(&r->formats, &r->format_count, records->items[i].format);
    if (r->format_count)
        qsort(r->formats, r->format_count, sizeof *r->formats, by_count);
}

/* ---- Sizes ---- */

typedef struct {
    int64_t area;
    size_t picture;
} Sized;

static int by_area(const void *a, const void *b)
{
    const Sized *x = a, *y = b;
    if (x->area != y->area)
        return x->area < y->area ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

static void build_sizes(ImportReport *r)
{
    Sized *sized = xcalloc(r->picture_count + 1, sizeof *sized);
    for (size_t i = 0; i < r->picture_count; i++) {
        const ReportPicture *p = &r->pictures[i];
        sized[i] = (Sized){.area = (int64_t)p->width * p->height, .picture = i};
        r->enlarged += (p->width < p->height ? p->width : p->height) < r->image.size;
    }
    qsort(sized, r->picture_count, sizeof *sized, by_area);
    if (r->picture_count > 0) {
        r->smallest = sized[0].picture;
        r->median = sized[(r->picture_count - 1) / 2].picture;
        r->largest = sized[r->picture_count - 1].picture;
    }
    free(sized);
}

/* ---- Pixels ---- */

static void build_pixel_figures(ImportReport *r, const Records *records)
{
    const double area = (double)r->image.size * r->image.size;
    const double count = (double)r->counts[PACKED_TRAIN] * area;
    for (int c = 0; c < r->image.channels && count > 0; c++) {
        // Whole numbers: the sum does not depend on its order.
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < records->count; i++) {
            const Record *record = &records->items[i];
            if (record->kept && record->split == PACKED_TRAIN) {
                sum += record->traits.sum[c];
                squares += record->traits.squares[c];
            }
        }
        const double mean = (double)sum / count;
        const double variance = (double)squares / count - mean * mean;
        r->mean[c] = mean / 255;
        r->deviation[c] = variance > 0 ? sqrt(variance) / 255 : 0;
    }
}

static void build_one_colour(ImportReport *r, const Records *records)
{
    r->one_colour = xcalloc(r->picture_count + 1, sizeof *r->one_colour);
    for (size_t i = 0, picture = 0; i < records->count; i++) {
        if (!records->items[i].kept)
            continue;
        if (records->items[i].traits.one_colour)
            r->one_colour[r->one_colour_count++] = picture;
        picture++;
    }
}

/* ---- All of it ---- */

void report_build(ImportReport *r, const Layout *layout, const Listing *listing,
                  const Records *records)
{
    snprintf(r->layout, sizeof r->layout, "%s", layout->name);
    r->split_given = layout->has_split;
    r->near_complete = records->near_complete;
    report_left_out(r);
    build_classes(r, layout);
    build_pictures(r, layout, listing, records);
    build_imbalance(r);
    build_formats(r, records);
    build_sizes(r);
    build_pixel_figures(r, records);
    build_one_colour(r, records);
    report_groups(r, records);
    for (size_t i = 0; i < layout->warning_count; i++)
        import_report_warn(r, import_report_word(r, layout->warnings[i].code), "%s",
                           layout->warnings[i].text);
    report_warnings(r);
}
