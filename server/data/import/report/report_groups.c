/* Groups of duplicates, for the report: those of equal pixels, and those that look alike and hold
 * more than one picture of equal pixels. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/data/import/report/report_build.h"

typedef struct {
    size_t group;    // least record of its group
    size_t same;     // least record of equal pixels
    size_t picture;  // index in the report
} Member;

static int by_group(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

/* A group whose members are in place. */
static ReportGroup describe(const ImportReport *r, const Member *members, size_t count,
                            bool same_pixels)
{
    ReportGroup g = {.same_pixels = same_pixels, .first = r->member_count, .count = count};
    const ReportPicture *first = &r->pictures[members[0].picture];
    for (size_t i = 1; i < count; i++) {
        const ReportPicture *p = &r->pictures[members[i].picture];
        g.across_splits = g.across_splits || p->split != first->split;
        g.different_labels = g.different_labels || p->label != first->label;
    }
    return g;
}

static bool all_same(const Member *members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (members[i].same != members[0].same)
            return false;
    return true;
}

/* Append the groups of two and more; `members` are sorted by group. */
static void append_groups(ImportReport *r, const Member *members, size_t count, bool same_pixels)
{
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && members[end].group == members[start].group;)
            end++;
        if (end - start < 2 || (!same_pixels && all_same(members + start, end - start)))
            continue;
        r->groups[r->group_count++] = describe(r, members + start, end - start, same_pixels);
        for (size_t i = start; i < end; i++)
            r->members[r->member_count++] = members[i].picture;
    }
}

static int rank(const ReportGroup *g)
{
    return (g->across_splits ? 0 : 4) + (g->different_labels ? 0 : 2) + (g->same_pixels ? 0 : 1);
}

static int by_rank(const void *a, const void *b)
{
    const ReportGroup *x = a, *y = b;
    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    return (x->first > y->first) - (x->first < y->first);
}

void report_groups(ImportReport *r, const Records *records)
{
    const size_t count = r->picture_count;
    Member *members = xcalloc(count + 1, sizeof *members);
    // At most every second one begins a group, of each of the two kinds.
    r->groups = xcalloc(count + 1, sizeof *r->groups);
    r->members = xcalloc(2 * count + 1, sizeof *r->members);
    for (int near = 0; near <= 1; near++) {
        for (size_t i = 0, picture = 0; i < records->count; i++) {
            const Record *record = &records->items[i];
            if (record->kept) {
                members[picture] = (Member){.group = near ? record->near : record->same,
                                            .same = record->same,
                                            .picture = picture};
                picture++;
            }
        }
        qsort(members, count, sizeof *members, by_group);
        append_groups(r, members, count, !near);
    }
    if (r->group_count)
        qsort(r->groups, r->group_count, sizeof *r->groups, by_rank);
    free(members);
}
