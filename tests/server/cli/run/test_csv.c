#include "server/cli/run/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

typedef struct {
    char dir[64];
    char path[96];
} Place;

static int make_place(void **state)
{
    Place *p = xcalloc(1, sizeof *p);
    snprintf(p->dir, sizeof p->dir, "/tmp/test_csv.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/t.csv", p->dir);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    Place *p = *state;
    unlink(p->path);
    const int rc = rmdir(p->dir);  // fails if something else was left there
    free(p);
    return rc;
}

static void write_file(const Place *p, const char *text)
{
    FILE *f = fopen(p->path, "w");
    fputs(text, f);
    fclose(f);
}

static void check_file(const Place *p, const char *want)
{
    char text[512] = "";
    FILE *f = fopen(p->path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, want);
}

static void starts_with_the_header(void **state)
{
    const Place *p = *state;
    Error err = {0};
    Csv *csv;
    CHECK_OK(csv_open(p->path, "a,b", -1, &csv, &err), err);
    CHECK_OK(csv_write(csv, (double[]){1, 0.1}, 2, &err), err);
    CHECK_OK(csv_write(csv, (double[]){2, 1.0 / 3}, 2, &err), err);
    check_file(p, "a,b\n1,0.1\n2,0.3333333333333333\n");  // before it is closed
    csv_close(csv);
}

static void cuts_rows_beyond_the_last_and_half_rows(void **state)
{
    const Place *p = *state;
    write_file(p, "a,b\n4,1\n8,2\n12,3\n16,4\n2");
    Error err = {0};
    Csv *csv;
    CHECK_OK(csv_open(p->path, "a,b", 8, &csv, &err), err);
    CHECK_OK(csv_write(csv, (double[]){12, 33}, 2, &err), err);
    csv_close(csv);
    check_file(p, "a,b\n4,1\n8,2\n12,33\n");
}

static void half_a_row_that_looks_like_a_whole_one_goes(void **state)
{
    const Place *p = *state;
    write_file(p, "a,b\n4,1\n8,0.12");
    Error err = {0};
    Csv *csv;
    CHECK_OK(csv_open(p->path, "a,b", 8, &csv, &err), err);
    csv_close(csv);
    check_file(p, "a,b\n4,1\n");
}

static void other_files_are_left_alone(void **state)
{
    const Place *p = *state;
    write_file(p, "name,price\ntea,3\n");
    char want[256];
    snprintf(want, sizeof want, "%s is not a file of a training: its first line is \"name,price\"",
             p->path);
    Error err;
    Csv *csv;
    CHECK_REFUSED(csv_open(p->path, "a,b", -1, &csv, &err), err, ERR_INVALID, want);
    check_file(p, "name,price\ntea,3\n");
}

static void no_folder_is_a_fault(void **state)
{
    (void)state;
    Error err;
    Csv *csv;
    CHECK_REFUSED(csv_open("/nonexistent/t.csv", "a", -1, &csv, &err), err, ERR_NOT_FOUND,
                  "/nonexistent/t.csv.tmp: No such file or directory");
}

static void a_full_disk_is_a_fault(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    const Place *p = *state;
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.tmp", p->path);
    assert_int_equal(symlink("/dev/full", temporary), 0);
    Error err = {0};
    Csv *csv;
    assert_false(csv_open(p->path, "a", -1, &csv, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "No space left on device"));
}

static void add_second(void *context, const double *values)
{
    *(double *)context += values[1];
}

static void rows_come_back(void **state)
{
    const Place *p = *state;
    write_file(p, "a,b\n1,2\n2,0.5\nbroken\n3\n4,1\n5,7");
    Error err = {0};
    double sum = 0;
    CHECK_OK(csv_each(p->path, 2, add_second, &sum, &err), err);
    CHECK_NEAR(sum, 3.5, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_with_the_header, make_place, remove_place),
        cmocka_unit_test_setup_teardown(cuts_rows_beyond_the_last_and_half_rows, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(half_a_row_that_looks_like_a_whole_one_goes, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(other_files_are_left_alone, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_full_disk_is_a_fault, make_place, remove_place),
        cmocka_unit_test(no_folder_is_a_fault),
        cmocka_unit_test_setup_teardown(rows_come_back, make_place, remove_place),
    };
    return RUN_TESTS(tests);
}
