/* tests/core/autotune/test_autotune.c -- kernels in use, records, measurements and their file. */
#include "core/autotune/autotune.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/autotune/tables.h"
#include "tests/check.h"

static void decide(Autotune *a, const char *key, double fast, double slow, bool settled)
{
    const AutotuneTime times[] = {{"slow", slow}, {"F(4,3) amx", fast}};
    autotune_decide(a, key, times, 2, settled);
}

static void a_kernel_in_use_never_changes(void **state)
{
    (void)state;
    Autotune *a = autotune_new();
    assert_null(autotune_kernel(a, "forward x"));
    autotune_fix(a, "forward x", "slow");
    decide(a, "forward x", 1, 2, true);
    autotune_fix(a, "forward x", "other");
    assert_string_equal(autotune_kernel(a, "forward x"), "slow");
    assert_int_equal(autotune_count(a), 1);
    autotune_free(a);
}

static void the_fastest_is_used(void **state)
{
    (void)state;
    Autotune *a = autotune_new();
    const AutotuneTime times[] = {{"a", 3}, {"b", 1}, {"c", 2}};
    assert_string_equal(autotune_decide(a, "k", times, 3, true), "b");
    autotune_free(a);
}

/* ---- Records ---- */

static Autotune *with_record(const char *text)
{
    Error err = {0};
    Autotune *a = autotune_new();
    CHECK_OK(autotune_use_record(a, text, &err), err);
    return a;
}

static void a_record_gives_the_same_kernels(void **state)
{
    (void)state;
    Autotune *a = autotune_new();
    autotune_fix(a, "forward x", "oneDNN");
    decide(a, "backward y, 2 threads", 1, 2, true);
    char *text = autotune_record(a);
    Autotune *b = with_record(text);
    // Its own measurement says otherwise: the record is what counts.
    decide(b, "forward x", 1, 2, true);
    assert_string_equal(autotune_kernel(b, "forward x"), "oneDNN");
    assert_string_equal(autotune_kernel(b, "backward y, 2 threads"), "F(4,3) amx");
    assert_false(autotune_bits_may_differ(b));
    char *again = autotune_record(b);
    assert_string_equal(again, text);
    free(again);
    free(text);
    autotune_free(a);
    autotune_free(b);
}

static void a_record_has_only_what_is_used(void **state)
{
    (void)state;
    Autotune *a = autotune_new();
    autotune_fix(a, "k", "fast");
    autotune_fix(a, "other batch", "fast");
    char *text = autotune_record(a);
    Autotune *b = with_record(text);
    autotune_kernel(b, "k");
    assert_int_equal(autotune_count(b), 1);
    char *less = autotune_record(b);
    assert_non_null(strstr(less, "k | fast\n"));
    assert_null(strstr(less, "other batch"));
    free(less);
    free(text);
    autotune_free(a);
    autotune_free(b);
}

static void a_record_that_cannot_be_followed_is_reported(void **state)
{
    (void)state;
    Autotune *a = with_record("googlenetd kernels 1\nmachine Another CPU\nk | fast\n");
    assert_true(autotune_bits_may_differ(a));
    assert_null(autotune_kernel(a, "k"));
    autotune_free(a);

    Autotune *b = autotune_new();
    autotune_fix(b, "k", "fast");
    char *text = autotune_record(b);
    Autotune *c = with_record(text);
    autotune_reject(c, "k");
    assert_true(autotune_bits_may_differ(c));
    assert_null(autotune_kernel(c, "k"));
    free(text);
    autotune_free(b);
    autotune_free(c);
}

static void a_damaged_record_is_refused_whole(void **state)
{
    (void)state;
    Autotune *a = autotune_new();
    autotune_fix(a, "k", "fast");
    char *good = autotune_record(a);
    static const char *const TAILS[] = {"x | \n",     "x\n",      " | fast\n",     "x | a | b\n",
                                        "x | a\tb\n", "x | fast", "x | \xff\xfe\n"};
    for (size_t i = 0; i < COUNT(TAILS); i++) {
        Error err = {0};
        char *text = xasprintf("%s%s", good, TAILS[i]);
        Autotune *b = autotune_new();
        CHECK_REFUSED(autotune_use_record(b, text, &err), err, ERR_INVALID,
                      "the record of kernels is damaged at line 4");
        assert_null(autotune_kernel(b, "k"));
        assert_true(autotune_bits_may_differ(b));
        autotune_free(b);
        free(text);
    }
    Error err = {0};
    assert_false(autotune_use_record(a, "", &err));
    assert_false(autotune_use_record(a, "# AMD EPYC, oneDNN 3.7.2\nk: fast\n", &err));
    assert_int_equal(err.code, ERR_INVALID);
    free(good);
    autotune_free(a);
}

/* ---- Measurements ---- */

static void least_times_are_merged(void **state)
{
    (void)state;
    Autotune *a = autotune_new(), *b = autotune_new();
    decide(a, "k", 100, 90, false);  // something else took the machine while the fast one ran
    assert_string_equal(autotune_kernel(a, "k"), "slow");
    b->measurements = a->measurements;
    a->measurements = (Measurements){0};
    decide(b, "k", 50, 95, true);
    assert_string_equal(autotune_kernel(b, "k"), "F(4,3) amx");
    const MeasurementRow *m = measurements_find(&b->measurements, "k");
    assert_true(m->settled);
    CHECK_NEAR(m->times[0].microseconds, 90, 0);
    CHECK_NEAR(m->times[1].microseconds, 50, 0);
    autotune_free(a);
    autotune_free(b);
}

static void what_did_not_settle_is_measured_again(void **state)
{
    (void)state;
    static const struct {
        bool settled;
        int64_t age;
        bool believed;
    } CASES[] = {{true, 0, true},
                 {true, 1000000, true},
                 {false, 0, true},
                 {false, AUTOTUNE_RETRY_SECONDS - 1, true},
                 {false, AUTOTUNE_RETRY_SECONDS, false},
                 {false, -5, false}};  // the clock was set back
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Autotune *a = autotune_new(), *b = autotune_new();
        decide(a, "k", 1, 2, CASES[i].settled);
        b->measurements = a->measurements;
        a->measurements = (Measurements){0};
        b->now = a->now + CASES[i].age;
        assert_int_equal(autotune_kernel(b, "k") != NULL, CASES[i].believed);
        autotune_free(a);
        autotune_free(b);
    }
}

/* ---- The file ---- */

typedef struct {
    char folder[32], path[64];
} Files;

static Files files_new(void)
{
    Files f = {.folder = "/tmp/test_autotune.XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/cache", f.folder);
    return f;
}

static void files_free(const Files *f)
{
    char *lock = xasprintf("%s.lock", f->path);
    unlink(f->path);
    unlink(lock);
    assert_int_equal(rmdir(f->folder), 0);  // nothing else is left behind
    free(lock);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = xcalloc(1 << 16, 1);
    fread(text, 1, (1 << 16) - 1, file);
    fclose(file);
    return text;
}

static void save(Autotune *a, const char *path)
{
    Error err = {0};
    CHECK_OK(autotune_save(a, path, &err), err);
    autotune_free(a);
}

static Autotune *loaded(const char *path)
{
    Error err = {0};
    Autotune *a = autotune_new();
    CHECK_OK(autotune_load(a, path, &err), err);
    return a;
}

static void a_file_keeps_measurements(void **state)
{
    (void)state;
    const Files f = files_new();
    Autotune *a = loaded(f.path);  // not there: empty
    decide(a, "k", 1.5, 2.25, true);
    decide(a, "l", 7, 5, false);
    const int64_t now = a->now;
    save(a, f.path);
    Autotune *b = loaded(f.path);
    assert_string_equal(autotune_kernel(b, "k"), "F(4,3) amx");
    assert_string_equal(autotune_kernel(b, "l"), "slow");
    const MeasurementRow *m = measurements_find(&b->measurements, "l");
    assert_false(m->settled);
    assert_int_equal(m->measured_at, now);
    assert_int_equal(m->count, 2);
    autotune_free(b);
    files_free(&f);
}

/* What was measured by such a clock is measured again once, and not by every run. */
static void a_clock_that_was_ahead_does_not_stay(void **state)
{
    (void)state;
    const Files f = files_new();
    Autotune *ahead = autotune_new();
    ahead->now += 1000000;
    decide(ahead, "k", 1, 2, false);
    save(ahead, f.path);
    Autotune *a = loaded(f.path);
    assert_null(autotune_kernel(a, "k"));
    decide(a, "k", 1, 2, false);
    save(a, f.path);
    Autotune *b = loaded(f.path);
    assert_string_equal(autotune_kernel(b, "k"), "F(4,3) amx");
    autotune_free(b);
    files_free(&f);
}

static void a_damaged_file_is_passed_over_and_replaced(void **state)
{
    (void)state;
    const Files f = files_new();
    Autotune *a = autotune_new();
    decide(a, "k", 1, 2, true);
    char *good = cache_write(&a->measurements, a->machine, NULL);
    autotune_free(a);
    static const char *const TAILS[] = {"x | settled 5\n",
                                        "x | settled 5 | fast\n",
                                        "x | settled | fast 1\n",
                                        "x | maybe 5 | fast 1\n",
                                        "x | settled 5 | fast -1\n",
                                        "x | settled 5 | fast nan\n",
                                        "x | settled 5 | fast 1 | \n",
                                        "x | settled 5 | fast 1x\n",
                                        "x | settled 5 | fast 1"};
    for (size_t i = 0; i < COUNT(TAILS); i++) {
        char *text = xasprintf("%s%s", good, TAILS[i]);
        write_file(f.path, text);
        Error err = {0};
        Autotune *b = autotune_new();
        assert_false(autotune_load(b, f.path, &err));
        assert_non_null(strstr(err.message, "the autotune cache is damaged at line 4"));
        assert_null(autotune_kernel(b, "k"));
        decide(b, "new", 1, 2, true);
        save(b, f.path);
        Autotune *c = loaded(f.path);
        assert_non_null(autotune_kernel(c, "new"));
        autotune_free(c);
        free(text);
    }
    write_file(f.path, "");
    autotune_free(loaded(f.path));  // empty is as if it were not there
    free(good);
    files_free(&f);
}

static void measurements_of_other_machines_are_kept(void **state)
{
    (void)state;
    const Files f = files_new();
    static const char OTHER[] = "machine Another CPU\nk | settled 5 | slow 1.000\n"
                                "l | unsettled 6 | a 1.000 | b 2.000\n";
    char *text = xasprintf("googlenetd autotune cache 1\n%s", OTHER);
    write_file(f.path, text);
    Autotune *a = loaded(f.path);
    assert_null(autotune_kernel(a, "k"));
    decide(a, "k", 1, 2, true);
    save(a, f.path);
    a = loaded(f.path);
    assert_string_equal(autotune_kernel(a, "k"), "F(4,3) amx");
    autotune_free(a);
    char *now = read_file(f.path);
    assert_non_null(strstr(now, OTHER));
    free(now);
    free(text);
    files_free(&f);
}

static void writers_at_the_same_time_lose_nothing(void **state)
{
    (void)state;
    enum { WRITERS = 4, ROUNDS = 12 };
    const Files f = files_new();
    pid_t children[WRITERS];
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] != 0)
            continue;
        bool ok = true;
        for (int i = 0; i < ROUNDS; i++) {
            char key[32];
            snprintf(key, sizeof key, "writer %d, %d", w, i);
            Autotune *a = autotune_new();
            decide(a, key, 1, 2, true);
            while (!autotune_save(a, f.path, NULL))
                usleep(1000);  // a busy machine: others held the lock for long
            autotune_free(a);
        }
        _exit(ok ? 0 : 1);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 1;
        assert_int_equal(waitpid(children[w], &status, 0), children[w]);
        assert_int_equal(status, 0);
    }
    Autotune *a = loaded(f.path);
    assert_int_equal(a->measurements.count, WRITERS * ROUNDS);
    autotune_free(a);
    files_free(&f);
}

static void a_place_that_cannot_be_written_is_reported(void **state)
{
    (void)state;
    Error err = {0};
    Autotune *a = autotune_new();
    assert_true(autotune_save(a, "/proc/self/nowhere", &err));  // there is nothing to save
    decide(a, "k", 1, 2, true);
    assert_false(autotune_save(a, "/proc/self/nowhere", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(autotune_load(a, "/proc/self", &err));
    assert_string_equal(err.message, "the autotune cache: /proc/self is not a file");
    assert_string_equal(autotune_kernel(a, "k"), "F(4,3) amx");
    autotune_free(a);
}

/* ---- The machine ---- */

static void every_field_of_a_machine_counts(void **state)
{
    (void)state;
    const Machine here = {"AMD EPYC", "family 25", "32K+1M", "avx512", "3.7.2", "0.1"};
    char want[MACHINE_TEXT], text[MACHINE_TEXT];
    machine_text(&here, want);
    for (int i = 0; i < 6; i++) {
        Machine other = here;
        char *fields[] = {other.cpu, other.details, other.caches,
                          other.isa, other.onednn,  other.version};
        fields[i][0] = '7';
        machine_text(&other, text);
        assert_string_not_equal(text, want);
    }
    Machine odd = here;
    strcpy(odd.cpu, "a | b\n\xc3\xa4");
    machine_text(&odd, text);
    assert_null(strpbrk(text, "|\n\xc3"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_in_use_never_changes),
        cmocka_unit_test(the_fastest_is_used),
        cmocka_unit_test(a_record_gives_the_same_kernels),
        cmocka_unit_test(a_record_has_only_what_is_used),
        cmocka_unit_test(a_record_that_cannot_be_followed_is_reported),
        cmocka_unit_test(a_damaged_record_is_refused_whole),
        cmocka_unit_test(least_times_are_merged),
        cmocka_unit_test(what_did_not_settle_is_measured_again),
        cmocka_unit_test(a_file_keeps_measurements),
        cmocka_unit_test(a_clock_that_was_ahead_does_not_stay),
        cmocka_unit_test(a_damaged_file_is_passed_over_and_replaced),
        cmocka_unit_test(measurements_of_other_machines_are_kept),
        cmocka_unit_test(writers_at_the_same_time_lose_nothing),
        cmocka_unit_test(a_place_that_cannot_be_written_is_reported),
        cmocka_unit_test(every_field_of_a_machine_counts),
    };
    return RUN_TESTS(tests);
}
