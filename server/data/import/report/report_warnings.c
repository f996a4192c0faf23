/* The rules by which a report warns. Each is a function; WARNINGS has them in the order of worth.
 * Sentences name the figures and, where there is something to do, what. */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/data/decoder/sandbox.h"
#include "server/data/import/report/report_build.h"

enum {
    FEW_PICTURES = 10,     // of a class, in training
    IMBALANCE_MOST = 100,  // to one
    NAMES_SHOWN = 5,
    NAMES_TEXT = 400,
};

/* Names of classes for a sentence: "a, b and 2 more", or with their pictures "a (3), b (5)". */
typedef struct {
    char text[NAMES_TEXT];
    size_t length;
    int count;
} Names;

/* `pictures` below 0: their number is not to be told. */
static void add_name(Names *names, const char *name, int pictures)
{
    if (names->count++ >= NAMES_SHOWN)
        return;
    char one[NAMES_TEXT / NAMES_SHOWN], number[16] = "";
    if (pictures >= 0)
        snprintf(number, sizeof number, " (%d)", pictures);
    const int shown = snprintf(one, sizeof one, "%s%.40s%s%s", names->count > 1 ? ", " : "", name,
                               strlen(name) > 40 ? "..." : "", number);
    if (shown > 0 && names->length + (size_t)shown < sizeof names->text) {
        memcpy(names->text + names->length, one, (size_t)shown + 1);
        names->length += (size_t)shown;
    }
}

static const char *names_end(Names *names)
{
    if (names->count > NAMES_SHOWN)
        snprintf(names->text + names->length, sizeof names->text - names->length, " and %d more",
                 names->count - NAMES_SHOWN);
    return names->text;
}

static int64_t total(const ImportReport *r)
{
    return r->counts[PACKED_TRAIN] + r->counts[PACKED_TEST];
}

static int percent(double part, double whole)
{
    return whole > 0 ? (int)(100 * part / whole + 0.5) : 0;
}

/* ---- The rules ---- */

static void no_test_pictures(ImportReport *r)
{
    if (r->counts[PACKED_TEST] == 0)
        import_report_warn(r, "no_test_pictures",
                           "there are no test pictures, by which a training is judged: the set "
                           "cannot be trained on; %s",
                           r->split_given ? "add some to the source"
                                          : "import it again with a larger test_share");
}

static void across_splits(ImportReport *r)
{
    size_t same = 0, near = 0;
    for (size_t i = 0; i < r->group_count; i++) {
        same += r->groups[i].across_splits && r->groups[i].same_pixels;
        near += r->groups[i].across_splits && !r->groups[i].same_pixels;
    }
    if (same)
        import_report_warn(r, "duplicates_across_splits",
                           "groups of equal pictures that are in training and in test: %zu; the "
                           "test accuracy will look better than it is",
                           same);
    if (near)
        import_report_warn(r, "near_duplicates_across_splits",
                           "groups of pictures that look alike and are in training and in test: "
                           "%zu; the test accuracy may look better than it is",
                           near);
}

static void different_labels(ImportReport *r)
{
    size_t groups = 0;
    for (size_t i = 0; i < r->group_count; i++)
        groups += r->groups[i].same_pixels && r->groups[i].different_labels;
    if (groups)
        import_report_warn(r, "duplicates_with_different_labels",
                           "groups of equal pictures that are in several classes: %zu; at least "
                           "one label of each is wrong",
                           groups);
}

static void classes_without_pictures(ImportReport *r)
{
    Names none = {0}, few = {0}, untested = {0};
    int left = 0;
    for (int c = 0; c < r->class_count; c++) {
        const int train = r->classes[c].counts[PACKED_TRAIN],
                  test = r->classes[c].counts[PACKED_TEST];
        left += train + test > 0;
        if (train == 0)
            add_name(&none, r->classes[c].name, -1);
        else if (train < FEW_PICTURES)
            add_name(&few, r->classes[c].name, train);
        if (train > 0 && test == 0 && r->counts[PACKED_TEST] > 0)
            add_name(&untested, r->classes[c].name, -1);
    }
    if (left == 1)
        import_report_warn(r, "one_class", "all pictures that could be used are of one class");
    if (none.count)
        import_report_warn(r, "no_pictures",
                           "classes without training pictures, which cannot be learnt: %s",
                           names_end(&none));
    if (few.count)
        import_report_warn(r, "few_pictures", "classes with fewer than %d training pictures: %s",
                           FEW_PICTURES, names_end(&few));
    if (untested.count)
        import_report_warn(r, "untested_class",
                           "classes without test pictures, whose accuracy will not be known: %s",
                           names_end(&untested));
}

static void imbalance(ImportReport *r)
{
    if (r->imbalance > IMBALANCE_MOST)
        import_report_warn(r, "imbalance",
                           "the largest class has %.0f training pictures for each one of the "
                           "smallest; class_weights \"balanced\" makes classes count alike",
                           r->imbalance);
}

static void mostly_duplicates(ImportReport *r)
{
    // A group of near ones holds those of equal ones; each group stands for one picture.
    size_t copies = 0;
    for (size_t i = 0; i < r->group_count; i++)
        copies += r->groups[i].same_pixels ? r->groups[i].count - 1 : 0;
    if (2 * (int64_t)copies > total(r))
        import_report_warn(r, "mostly_duplicates",
                           "%d%% of the pictures are copies of others in the set",
                           percent((double)copies, (double)total(r)));
}

static void many_left_out(ImportReport *r)
{
    // Files that were never meant to be pictures do not count.
    int64_t unreadable = 0;
    const char *code = "";
    for (size_t i = r->reason_count; i-- > 0;) {
        if (strncmp(r->reasons[i].code, "picture_", 8) != 0
            && strncmp(r->reasons[i].code, "decoder_", 8) != 0)
            continue;
        unreadable += r->reasons[i].count;
        code = r->reasons[i].code;
    }
    if (10 * unreadable > unreadable + total(r))
        import_report_warn(r, "many_left_out",
                           "files that stand where pictures are expected and cannot be used: %lld, "
                           "most for the reason %s",
                           (long long)unreadable, code);
}

static void one_colour(ImportReport *r)
{
    if (r->one_colour_count)
        import_report_warn(r, "one_colour", "pictures of one colour: %zu, the first is %.200s",
                           r->one_colour_count, r->pictures[r->one_colour[0]].path);
}

static void enlarged(ImportReport *r)
{
    if (2 * (int64_t)r->enlarged > total(r))
        import_report_warn(r, "enlarged",
                           "%d%% of the pictures are smaller than the %d pixels that they were "
                           "enlarged to; a smaller size trains faster and shows as much",
                           percent((double)r->enlarged, (double)total(r)), r->image.size);
}

static void search_cut_short(ImportReport *r)
{
    if (!r->near_complete)
        import_report_warn(
            r, "near_duplicates_incomplete",
            "so many pictures look alike that the search for near duplicates was cut "
            "short");
}

static void walls(ImportReport *r)
{
    if (r->walls >= 0 && !(r->walls & SANDBOX_SECCOMP))
        import_report_warn(
            r, "no_seccomp",
            "this system has no seccomp, or what started the program forbids it: pictures were "
            "decoded with limits of memory and files, but without a filter of system calls");
}

typedef void Rule(ImportReport *report);
static Rule *const WARNINGS[] = {
    no_test_pictures,
    across_splits,
    different_labels,
    classes_without_pictures,
    imbalance,
    mostly_duplicates,
    many_left_out,
    one_colour,
    enlarged,
    search_cut_short,
    walls,
};

void report_warnings(ImportReport *r)
{
    for (size_t i = 0; i < COUNT(WARNINGS); i++)
        WARNINGS[i](r);
}
