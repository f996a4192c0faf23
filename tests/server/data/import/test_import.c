/* tests/server/data/import/test_import.c -- whole imports, with a decoder that can be told to fail:
 * see wild_decoder.c for what files say to it. */
#include "server/data/import/import.h"

#include <cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/data/packed/packed.h"
#include "server/work/import_set.h"
#include "tests/check.h"
#include "tests/server/data/decoder/wild.h"
#include "tests/server/scratch.h"

enum { SIZE = 8, BYTES = SIZE * SIZE * 3 };

typedef struct {
    Scratch scratch;
    char source[PATH_MAX + 8], out[PATH_MAX + 16], set[PATH_MAX + 24];
    ImportConfig config;
    ImportReport report;
    Error err;
} Fixture;

static Fixture *fixture_new(void)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    snprintf(f->source, sizeof f->source, "%s/in", f->scratch.path);
    snprintf(f->out, sizeof f->out, "%s/out", f->scratch.path);
    snprintf(f->set, sizeof f->set, "%s/set", f->out);
    assert_int_equal(mkdir(f->source, 0777), 0);
    assert_int_equal(mkdir(f->out, 0777), 0);
    f->config = (ImportConfig){
        .source = f->source,
        .folder = f->set,
        .image = {.channels = 3, .size = SIZE},
        .test_share = 0.25,
        .seed = 1,
        .jobs = 2,
        .picture_seconds = 20,
        .executable = WILD_DECODER,
    };
    return f;
}

static void fixture_free(Fixture *f)
{
    import_report_free(&f->report);
    scratch_free(&f->scratch);
    free(f);
}

static void put(const Fixture *f, const char *path, const char *text)
{
    char *whole = xasprintf("%s/%s", f->source, path);
    for (char *slash = whole + strlen(f->source) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(whole, 0777);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(whole);
}

/* `count` pictures of a class, all different. */
static void put_class(const Fixture *f, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        char path[64], text[64];
        snprintf(path, sizeof path, "%s/%03d.jpg", name, i);
        snprintf(text, sizeof text, "good %s %d", name, i);
        put(f, path, text);
    }
}

static int entries(const char *folder)
{
    int count = -2;
    DIR *dir = opendir(folder);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void run(Fixture *f)
{
    import_report_free(&f->report);
    CHECK_OK(import_run(&f->config, &f->report, &f->err), f->err);
}

static char *text_of(const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder, name), *text = xcalloc(1 << 20, 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
    fclose(file);
    free(path);
    return text;
}

static const char *code_of(const Fixture *f, const char *path)
{
    for (size_t i = 0; i < f->report.left_out.count; i++)
        if (strcmp(f->report.left_out.items[i].path, path) == 0)
            return f->report.left_out.items[i].code;
    return "kept";
}

static bool warns(const Fixture *f, const char *code)
{
    for (size_t i = 0; i < f->report.warning_count; i++)
        if (strcmp(f->report.warnings[i].code, code) == 0)
            return true;
    return false;
}

/* ---- Tests ---- */

static void a_set_holds_each_picture_where_its_name_is(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"train.names", "test.names"};
    Fixture *f = fixture_new();
    put_class(f, "cat", 20);
    put_class(f, "dog", 12);
    run(f);
    assert_string_equal(f->report.layout, "class_folders");
    assert_int_equal(f->report.counts[PACKED_TEST], 8);  // a quarter of each class
    assert_int_equal(f->report.classes[0].counts[PACKED_TEST], 5);
    assert_int_equal(f->report.classes[1].counts[PACKED_TEST], 3);
    Dataset *d;
    CHECK_OK(packed_open(f->set, &d, &f->err), f->err);
    assert_string_equal(d->packed->digest, f->report.digest);
    const Split *splits[] = {&d->train, &d->test};
    for (int s = 0; s < PACKED_SPLITS; s++) {
        char *names = text_of(f->set, NAMES[s]), *line = names;
        for (int i = 0; i < splits[s]->count; i++) {
            char class[8], text[64];
            int number;
            uint8_t want[BYTES];
            assert_int_equal(sscanf(line, "%3[a-z]/%d.jpg\n", class, &number), 2);
            snprintf(text, sizeof text, "good %s %d", class, number);
            wild_pixels((const uint8_t *)text, strlen(text), want, BYTES);
            assert_memory_equal(splits[s]->pixels + (size_t)i * BYTES, want, BYTES);
            assert_int_equal(splits[s]->labels[i], strcmp(class, "dog") == 0);
            line = strchr(line, '\n') + 1;
        }
        assert_int_equal(*line, '\0');
        free(names);
    }
    dataset_free(d);
    assert_int_equal(entries(f->out), 1);
    fixture_free(f);
}

static void the_number_of_decoders_changes_nothing(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "cat", 60);
    put_class(f, "dog", 40);
    put(f, "dog/bad.png", "nonsense");
    put(f, "dog/dies.png", "die");
    put(f, "cat/copy.png", "good dog 7");
    char digest[PACKED_DIGEST] = "", *report = NULL;
    for (int jobs = 1; jobs <= 5; jobs += 2) {
        char *set = xasprintf("%s/set%d", f->out, jobs);
        f->config.jobs = jobs;
        f->config.folder = set;
        run(f);
        char *text = text_of(set, "report.json");
        if (report) {
            assert_string_equal(f->report.digest, digest);
            assert_string_equal(text, report);
            free(text);
        } else {
            memcpy(digest, f->report.digest, sizeof digest);
            report = text;
        }
        free(set);
    }
    free(report);
    fixture_free(f);
}

static void a_file_that_cannot_be_used_costs_itself(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "cat", 10);
    put_class(f, "dog", 10);
    put(f, "cat/dies.jpg", "die");
    put(f, "cat/hangs.jpg", "hang");
    put(f, "cat/lies.jpg", "say_nonsense");
    put(f, "cat/opens.jpg", "open_file");
    put(f, "dog/is none.jpg", "text");
    put(f, "dog/new\nline\xff.jpg", "text");
    put(f, "dog/Thumbs.db", "good by its content");
    f->config.picture_seconds = 1;
    run(f);
    assert_int_equal(f->report.counts[PACKED_TRAIN] + f->report.counts[PACKED_TEST], 20);
    assert_string_equal(code_of(f, "cat/dies.jpg"), "decoder_died");
    assert_string_equal(code_of(f, "cat/hangs.jpg"), "decoder_timeout");
    assert_string_equal(code_of(f, "cat/lies.jpg"), "decoder_died");
    assert_string_not_equal(code_of(f, "cat/opens.jpg"), "kept");
    assert_string_equal(code_of(f, "dog/is none.jpg"), "picture_unknown");
    assert_string_equal(code_of(f, "dog/Thumbs.db"), "system_file");
    assert_int_equal(f->report.left_out.count, 7);
    assert_string_equal(f->report.reasons[0].code, "decoder_died");
    assert_true(warns(f, "many_left_out"));
    char *text = text_of(f->set, "report.json");
    cJSON *json = cJSON_Parse(text);
    const cJSON *left_out = cJSON_GetObjectItem(json, "left_out");
    assert_int_equal(cJSON_GetArraySize(left_out), 7);
    assert_true(utf8_valid(text));
    cJSON_Delete(json);
    free(text);
    fixture_free(f);
}

static void copies_stay_on_one_side_and_are_told(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "cat", 40);
    put_class(f, "dog", 40);
    for (int i = 0; i < 12; i++) {
        char path[32], text[32];
        snprintf(path, sizeof path, "cat/copy%d.jpg", i);
        snprintf(text, sizeof text, "good cat %d", i % 4);
        put(f, path, text);
    }
    put(f, "dog/cat.jpg", "good cat 30");
    for (f->config.seed = 1; f->config.seed <= 5; f->config.seed++) {
        char *set = xasprintf("%s/set%d", f->out, (int)f->config.seed);
        f->config.folder = set;
        run(f);
        assert_int_equal(f->report.group_count, 5);
        assert_true(f->report.groups[0].different_labels);
        assert_int_equal(f->report.groups[0].count, 2);
        for (size_t i = 0; i < f->report.group_count; i++) {
            assert_true(f->report.groups[i].same_pixels);
            assert_false(f->report.groups[i].across_splits);
            assert_true(i == 0 || f->report.groups[i].count == 4);
        }
        assert_true(warns(f, "duplicates_with_different_labels"));
        assert_false(warns(f, "duplicates_across_splits"));
        assert_false(warns(f, "mostly_duplicates"));
        free(set);
    }
    fixture_free(f);
}

static void a_given_split_is_kept_and_its_leaks_come_first(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "train/cat", 12);
    put_class(f, "train/dog", 12);
    put_class(f, "test/cat", 3);
    put(f, "test/dog/a.jpg", "good test dog");
    put(f, "train/cat/again.jpg", "good train/cat 3");
    put(f, "test/dog/leak.jpg", "good train/dog 5");
    run(f);
    assert_true(f->report.split_given);
    assert_int_equal(f->report.counts[PACKED_TRAIN], 25);
    assert_int_equal(f->report.counts[PACKED_TEST], 5);
    assert_int_equal(f->report.group_count, 2);
    assert_true(f->report.groups[0].across_splits);
    assert_false(f->report.groups[1].across_splits);
    assert_true(warns(f, "duplicates_across_splits"));
    fixture_free(f);
}

/* Each such class is told of once, and all of them in one sentence, however many they are. */
static void classes_on_one_side_only_are_named_once(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "train/cat", 12);
    put_class(f, "test/cat", 3);
    put_class(f, "train/dog", 12);
    put_class(f, "train/emu", 12);
    put_class(f, "test/fox", 3);
    run(f);
    char *said = xcalloc(1, 1);
    for (size_t i = 0; i < f->report.warning_count; i++) {
        const ReportWarning *w = &f->report.warnings[i];
        if (strcmp(w->code, "enlarged") == 0)
            continue;  // the wild decoder says 4 x 3
        char *more = xasprintf("%s%s: %s\n", said, w->code, w->text);
        free(said);
        said = more;
    }
    assert_string_equal(
        said,
        "no_pictures: classes without training pictures, which cannot be learnt: fox\n"
        "untested_class: classes without test pictures, whose accuracy will not be known: dog, "
        "emu\n");
    free(said);
    fixture_free(f);
}

static void the_figures_are_those_of_the_pixels(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "cat", 30);
    put_class(f, "dog", 3);
    run(f);
    Dataset *d;
    CHECK_OK(packed_open(f->set, &d, &f->err), f->err);
    for (int c = 0; c < 3; c++) {
        const size_t count = (size_t)d->train.count * BYTES / 3;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            const double x = d->train.pixels[3 * i + (size_t)c] / 255.0;
            sum += x;
            squares += x * x;
        }
        const double mean = sum / (double)count;
        CHECK_NEAR(f->report.mean[c], mean, 1e-9);
        CHECK_NEAR(f->report.deviation[c], sqrt(squares / (double)count - mean * mean), 1e-9);
    }
    CHECK_NEAR(f->report.imbalance, 11, 1e-9);  // 22 to 2: the rest is for testing
    assert_true(warns(f, "few_pictures"));
    assert_true(warns(f, "enlarged"));  // the wild decoder says 4 x 3
    assert_false(warns(f, "imbalance"));
    dataset_free(d);
    fixture_free(f);
}

/* ---- Whole or not at all ---- */

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put(f, "cat/a.jpg", "text");
    put(f, "dog/a.jpg", "die");
    assert_false(import_run(&f->config, &f->report, &f->err));
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_non_null(strstr(f->err.message, "none of 2 files can be used"));
    assert_int_equal(f->report.left_out.count, 2);
    assert_int_equal(f->report.reason_count, 2);
    import_report_free(&f->report);
    f->config.label = "the upload";
    assert_false(import_run(&f->config, &f->report, &f->err));
    assert_memory_equal(f->err.message, "the upload: none of 2 files", 27);
    import_report_free(&f->report);
    f->config.test_share = 0.95;
    CHECK_REFUSED(import_run(&f->config, &f->report, &f->err), f->err, ERR_INVALID,
                  "test_share must be 0 to 0.9, got 0.95");
    f->config.test_share = 0;
    f->config.image.size = 4;
    assert_false(import_run(&f->config, &f->report, &f->err));
    f->config.image.size = SIZE;
    f->config.source = "/nowhere/at/all";
    assert_false(import_run(&f->config, &f->report, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    f->config.source = f->source;
    assert_int_equal(entries(f->out), 0);
    char *inside = xasprintf("%s/somebody's", f->set);
    assert_int_equal(mkdir(f->set, 0777), 0);
    assert_int_equal(mkdir(inside, 0777), 0);
    free(inside);
    char *message = xasprintf("%s is there already", f->set);
    CHECK_REFUSED(import_run(&f->config, &f->report, &f->err), f->err, ERR_CONFLICT, message);
    free(message);
    fixture_free(f);
}

typedef struct {
    int64_t asked, stop_at, last_done;
} Patience;

static bool count_down(void *context, int64_t done, int64_t total)
{
    Patience *p = context;
    assert_true(total == 20 || (total == 0 && p->last_done == 0));
    assert_true(done >= p->last_done && done <= total);
    p->last_done = done;
    return ++p->asked != p->stop_at;
}

static void a_cancelled_import_leaves_nothing(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put_class(f, "cat", 10);
    put_class(f, "dog", 10);
    Patience p = {0};
    f->config.progress = count_down;
    f->config.context = &p;
    bool done = false;
    const int descriptors = entries("/proc/self/fd");
    for (int64_t stop_at = 1; !done; stop_at++) {
        p = (Patience){.stop_at = stop_at};
        f->err = (Error){0};
        done = import_run(&f->config, &f->report, &f->err);
        import_report_free(&f->report);
        if (!done) {
            assert_int_equal(f->err.code, ERR_STOPPED);
            assert_int_equal(entries(f->out), 0);
        }
        assert_true(stop_at < 1000);
    }
    assert_int_equal(p.last_done, 20);
    assert_int_equal(entries("/proc/self/fd"), descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);  // no decoder is left
    fixture_free(f);
}

/* Also while a decoder hangs. */
static bool not_long(void *context, int64_t done, int64_t total)
{
    (void)done, (void)total;
    return ++*(int *)context < 5;
}

static void a_hanging_decoder_does_not_hold_a_cancellation_up(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    put(f, "cat/a.jpg", "hang");
    put(f, "dog/a.jpg", "hang");
    int asked = 0;
    f->config.picture_seconds = 1000;
    f->config.progress = not_long;
    f->config.context = &asked;
    CHECK_REFUSED(import_run(&f->config, &f->report, &f->err), f->err, ERR_STOPPED,
                  "the import was cancelled");
    fixture_free(f);
}

#ifdef FAULTS
void fault_plan(const char *fault);
int fault_hits(void);

/* The n-th call of a kind fails, n = 1, 2, 3 ... until the import does not meet it any more. */
static void check_each_fault(const char *call)
{
    Fixture *f = fixture_new();
    put_class(f, "cat", 20);
    put_class(f, "dog", 20);
    int n = 0;
    for (bool met = true; met;) {
        char plan[64];
        snprintf(plan, sizeof plan, "%s:/out:%d:1:ENOSPC", call, ++n);
        f->err = (Error){0};
        fault_plan(plan);
        const bool done = import_run(&f->config, &f->report, &f->err);
        met = fault_hits() >= n;
        fault_plan(NULL);
        import_report_free(&f->report);
        if (met) {
            assert_false(done);
            assert_int_equal(f->err.code, ERR_NO_SPACE);
            assert_int_equal(entries(f->out), 0);
        } else {
            CHECK_OK(done, f->err);
        }
    }
    assert_true(n > 5);
    CHECK_OK(packed_verify(f->set, NULL, NULL, &f->err), f->err);
    fixture_free(f);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    check_each_fault("write");
    check_each_fault("fsync");
}
#endif

/* A folder that a client named was resolved before: a link that stands there now was put there by
 * somebody who may write to the imports and not read what it leads to. */
static void a_link_that_took_the_place_of_a_folder_is_not_imported(void **state)
{
    (void)state;
    Fixture *f = fixture_new();
    char link[PATH_MAX + 16];
    put_class(f, "cats", 2);
    snprintf(link, sizeof link, "%s/link", f->scratch.path);
    assert_int_equal(symlink("in", link), 0);
    const DatasetRow set = {.source = {"folder", "animals"},
                            .image = {.channels = 3, .size = SIZE}};
    DatasetOutcome outcome = {0};
    import_set(&(ImportOrder){.set = &set, .source = link, .folder = f->set, .decoders = 1},
               &outcome);
    assert_false(outcome.ready);
    assert_string_equal(outcome.code, "io");
    assert_memory_equal(outcome.message, "cannot open animals: ", 21);
    fixture_free(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_took_the_place_of_a_folder_is_not_imported),
        cmocka_unit_test(a_set_holds_each_picture_where_its_name_is),
        cmocka_unit_test(the_number_of_decoders_changes_nothing),
        cmocka_unit_test(a_file_that_cannot_be_used_costs_itself),
        cmocka_unit_test(copies_stay_on_one_side_and_are_told),
        cmocka_unit_test(a_given_split_is_kept_and_its_leaks_come_first),
        cmocka_unit_test(classes_on_one_side_only_are_named_once),
        cmocka_unit_test(the_figures_are_those_of_the_pixels),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_cancelled_import_leaves_nothing),
        cmocka_unit_test(a_hanging_decoder_does_not_hold_a_cancellation_up),
#ifdef FAULTS
        cmocka_unit_test(a_full_disk_leaves_nothing),
#endif
    };
    return RUN_TESTS(tests);
}
