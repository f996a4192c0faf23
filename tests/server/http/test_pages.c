#include "server/http/pages.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

/* A folder with a page, a file in a folder, and things that must never be served. */
typedef struct {
    char folder[32];
    Pages *pages;
} Site;

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    static Site site;
    char path[256];
    Error err = {0};
    snprintf(site.folder, sizeof site.folder, "/tmp/pages-XXXXXX");
    assert_non_null(mkdtemp(site.folder));
    snprintf(path, sizeof path, "%s/vendor", site.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    put(site.folder, "index.html", "<!doctype html>");
    put(site.folder, "vendor/plot.js", "let plot;");
    put(site.folder, "core.dump", "not of a known type");
    put(site.folder, ".secret.html", "hidden");
    snprintf(path, sizeof path, "%s/link.html", site.folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    CHECK_OK(pages_new(site.folder, &site.pages, &err), err);
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    Site *site = *state;
    char command[64];
    pages_free(site->pages);
    snprintf(command, sizeof command, "rm -r %s", site->folder);
    return system(command);
}

static void listed_files_are_served_with_their_type(void **state)
{
    const Site *site = *state;
    static const char *const CASES[][3] = {
        {"/", "text/html; charset=utf-8", "<!doctype html>"},
        {"/index.html", "text/html; charset=utf-8", "<!doctype html>"},
        {"/vendor/plot.js", "text/javascript; charset=utf-8", "let plot;"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        Response res = RESPONSE_EMPTY;
        CHECK_OK(pages_get(site->pages, CASES[i][0], &res, &err), err);
        assert_string_equal(res.type, CASES[i][1]);
        assert_string_equal(res.text, CASES[i][2]);
        response_free(&res);
    }
}

static void nothing_else_is(void **state)
{
    const Site *site = *state;
    static const char *const PATHS[] = {
        "",
        "index.html",
        "/.secret.html",
        "/core.dump",
        "/link.html",
        "/vendor",
        "/vendor/",
        "//index.html",
        "/./index.html",
        "/later.html",
        "/../passwd",
        "/vendor/../index.html",
        "/%69ndex.html",
        "/index.html/",
        "/etc/passwd",
    };
    put(site->folder, "later.html", "came after the start");
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        Error err = {0};
        Response res = RESPONSE_EMPTY;
        if (pages_has(site->pages, PATHS[i]) || pages_get(site->pages, PATHS[i], &res, &err))
            fail_msg("%s is served", PATHS[i]);
        assert_int_equal(err.code, ERR_NOT_FOUND);
    }
}

static void check_page(const Site *site, const char *path, const char *want)
{
    Error err = {0};
    Response res = RESPONSE_EMPTY;
    CHECK_OK(pages_get(site->pages, path, &res, &err), err);
    assert_int_equal(res.size, strlen(want));
    assert_string_equal(res.text, want);
    response_free(&res);
}

static void an_edited_page_is_read_again(void **state)
{
    const Site *site = *state;
    put(site->folder, "index.html", "<!doctype html><p>edited");
    check_page(site, "/", "<!doctype html>");  // what was asked for comes from memory
    pages_refresh(site->pages);
    check_page(site, "/", "<!doctype html><p>edited");
    put(site->folder, "index.html", "");
    pages_refresh(site->pages);
    check_page(site, "/", "");
    check_page(site, "/vendor/plot.js", "let plot;");
}

/* As when an editor puts the new one in its place, or a package is replaced. */
static void a_page_that_goes_away_for_a_moment_stays_as_it_was(void **state)
{
    const Site *site = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/index.html", site->folder);
    assert_int_equal(unlink(path), 0);
    pages_refresh(site->pages);
    check_page(site, "/", "<!doctype html>");
    put(site->folder, "index.html", "new");
    pages_refresh(site->pages);
    check_page(site, "/", "new");
}

static void a_page_that_became_a_link_is_not_followed(void **state)
{
    const Site *site = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/index.html", site->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    pages_refresh(site->pages);
    check_page(site, "/", "<!doctype html>");
}

static void an_absent_folder_is_named(void **state)
{
    Pages *pages;
    Error err;
    (void)state;
    CHECK_REFUSED(pages_new("/nonexistent/web", &pages, &err), err, ERR_NOT_FOUND,
                  "web folder /nonexistent/web: No such file or directory");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listed_files_are_served_with_their_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_else_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_edited_page_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_that_goes_away_for_a_moment_stays_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_page_that_became_a_link_is_not_followed, set_up,
                                        tear_down),
        cmocka_unit_test(an_absent_folder_is_named),
    };
    return RUN_TESTS(tests);
}
