/* tests/server/test_config.c -- where settings come from, which goes first, and what is said
 * of the wrong ones. */
#include "server/config.h"

#include <stdlib.h>
#include <string.h>

#include "server/listen_address.h"
#include "server/unknown_variables.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

typedef struct {
    Scratch scratch;
    char file[PATH_MAX + 16];
    ServerConfig config;
    Faults faults;
} Fixture;

static int set_up(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    snprintf(f->file, sizeof f->file, "%s/server.json", f->scratch.path);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Read with the file, an environment up to a NULL, and flags up to one without a name. */
static bool read_all(Fixture *f, const char *json, char **environment, const ConfigFlag *flags)
{
    int count = 0;
    while (flags && flags[count].name)
        count++;
    put(f->file, json);
    memset(&f->faults, 0, sizeof f->faults);
    const ConfigSources sources = {f->file, flags, count, environment};
    return config_read(&sources, &f->config, &f->faults);
}

static void check_fault(const Fixture *f, int i, const char *pointer, const char *detail)
{
    assert_true(i < f->faults.count);
    assert_string_equal(f->faults.items[i].pointer, pointer);
    assert_string_equal(f->faults.items[i].detail, detail);
}

static void without_sources_all_is_as_usual(void **state)
{
    Fixture *f = *state;
    assert_true(read_all(f, "{}", NULL, NULL));
    assert_string_equal(f->config.listen, "127.0.0.1:8080");
    assert_string_equal(f->config.data, "data");
    assert_string_equal(f->config.token, "");
    assert_int_equal(f->config.workers, 1);
    assert_int_equal(f->config.http_threads, 2);
    assert_int_equal(f->config.limits.body_bytes, 1 << 20);
    assert_int_equal(f->config.limits.request_seconds, 30);
    assert_int_equal(f->config.limits.idle_seconds, 60);
    assert_int_equal(f->config.limits.heartbeat_seconds, 15);
    assert_int_equal(f->config.log.level, LOG_INFO);
    assert_int_equal(f->config.log.format, LOG_AS_TEXT);
}

static void flags_override_the_environment_and_that_the_file(void **state)
{
    Fixture *f = *state;
    char *environment[] = {"GOOGLENETD_LIMITS_STREAMS=20", "GOOGLENETD_WORKERS=3", "OTHER=1", NULL};
    const ConfigFlag flags[] = {{"workers", "3"}, {"log-format", "json"}, {"workers", "4"}, {0}};
    assert_true(read_all(f,
                         "{\"workers\":2,\"data\":\"/srv\",\"limits\":{\"streams\":10,\"jobs\":7},"
                         "\"log\":{\"level\":\"debug\",\"format\":\"text\"}}",
                         environment, flags));
    assert_int_equal(f->config.workers, 4);
    assert_int_equal(f->config.limits.streams, 20);
    assert_int_equal(f->config.limits.jobs, 7);
    assert_string_equal(f->config.data, "/srv");
    assert_int_equal(f->config.log.level, LOG_DEBUG);
    assert_int_equal(f->config.log.format, LOG_AS_JSON);
}

static void all_faults_are_named_by_the_names_they_were_given(void **state)
{
    Fixture *f = *state;
    char *environment[] = {"GOOGLENETD_LOG_LEVEL=loud", NULL};
    const ConfigFlag flags[] = {{"wrokers", "1"}, {"threads", ""}, {0}};
    assert_false(read_all(f,
                          "{\"workers\":0,\"limits\":{\"streams\":1.5,\"jbos\":1},\"data\":5,"
                          "\"log\":\"debug\"}",
                          environment, flags));
    assert_int_equal(f->faults.count, 8);
    check_fault(f, 0, "/workers", "must be a whole number from 1 to 64, got \"0\"");
    check_fault(f, 1, "/limits/streams", "must be a whole number from 1 to 65536, got \"1.5\"");
    check_fault(f, 2, "/limits/jbos", "is not a known field; did you mean \"limits.jobs\"?");
    check_fault(f, 3, "/data", "must be a string");
    check_fault(f, 4, "/log", "must be an object");
    check_fault(f, 5, "GOOGLENETD_LOG_LEVEL",
                "must be error, warning, info, request or debug, got \"loud\"");
    check_fault(f, 6, "--wrokers", "is not a known flag");
    check_fault(f, 7, "--threads", "must be a whole number from 0 to 1024, got \"\"");
}

static void a_misspelt_field_is_told_with_what_it_may_mean(void **state)
{
    Fixture *f = *state;
    assert_false(
        read_all(f, "{\"jobs\":1,\"log_level\":\"info\",\"limits\":{\"listen\":\"\"},\"port\":1}",
                 NULL, NULL));
    assert_int_equal(f->faults.count, 4);
    check_fault(f, 0, "/jobs", "is not a known field; did you mean \"limits.jobs\"?");
    check_fault(f, 1, "/log_level", "is not a known field; did you mean \"log.level\"?");
    check_fault(f, 2, "/limits/listen", "is not a known field");
    check_fault(f, 3, "/port", "is not a known field");
}

static void note_variable(void *context, const char *name, const char *meant)
{
    char *text = context;
    strcat(strcat(strcat(strcat(text, name), " "), meant), "\n");
}

static void variables_that_nothing_reads_are_told(void **state)
{
    (void)state;
    char *environment[] = {"GOOGLENETD_LIMIT_JOBS=5",
                           "GOOGLENETD_WORKERS=3",
                           "OTHER=1",
                           "GOOGLENETD_TOKEN=t",
                           "GOOGLENETD_READ_TOKEN=r",
                           "GOOGLENETD_CONFIG=f",
                           "GOOGLENETD_PROGRAM=/bin/g",
                           "GOOGLENETD_JOBS=7",
                           "GOOGLENETD_IMAGE=registry/g",
                           "GOOGLENETD_PORT=9000",
                           "GOOGLENETD=1",
                           NULL};
    char told[400] = "";
    unknown_variables(environment, note_variable, told);
    assert_string_equal(told, "GOOGLENETD_LIMIT_JOBS GOOGLENETD_LIMITS_JOBS\n"
                              "GOOGLENETD_JOBS GOOGLENETD_LIMITS_JOBS\n"
                              "GOOGLENETD_IMAGE \n"
                              "GOOGLENETD_PORT \n");
}

/* As kubelet sets them for two services, googlenetd and googlenetd-web. */
static void variables_of_services_are_passed_over(void **state)
{
    (void)state;
    char *environment[] = {"GOOGLENETD_SERVICE_HOST=10.0.0.11",
                           "GOOGLENETD_SERVICE_PORT=8080",
                           "GOOGLENETD_SERVICE_PORT_HTTP=8080",
                           "GOOGLENETD_PORT=tcp://10.0.0.11:8080",
                           "GOOGLENETD_PORT_8080_TCP=tcp://10.0.0.11:8080",
                           "GOOGLENETD_PORT_8080_TCP_PROTO=tcp",
                           "GOOGLENETD_PORT_8080_TCP_PORT=8080",
                           "GOOGLENETD_PORT_8080_TCP_ADDR=10.0.0.11",
                           "GOOGLENETD_WEB_SERVICE_HOST=10.0.0.12",
                           "GOOGLENETD_WEB_PORT=tcp://10.0.0.12:80",
                           NULL};
    char told[400] = "";
    unknown_variables(environment, note_variable, told);
    assert_string_equal(told, "");
    unknown_variables(NULL, note_variable, told);
}

/* As where a script's own variable is not set. */
static void data_must_have_a_folder(void **state)
{
    Fixture *f = *state;
    char *environment[] = {"GOOGLENETD_DATA=", NULL};
    assert_false(read_all(f, "{}", environment, NULL));
    assert_int_equal(f->faults.count, 1);
    check_fault(f, 0, "/data", "must name a folder");
}

static void a_file_says_each_thing_once(void **state)
{
    Fixture *f = *state;
    assert_false(read_all(f, "{\"workers\":1,\"workers\":2,\"log\":{},\"log\":{}}", NULL, NULL));
    assert_int_equal(f->faults.count, 2);
    check_fault(f, 0, "/workers", "is given twice");
    check_fault(f, 1, "/log", "is given twice");
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    Fixture *f = *state;
    assert_true(read_all(f, "\xef\xbb\xbf{\"workers\":2}\r\n", NULL, NULL));
    assert_int_equal(f->config.workers, 2);
}

static void a_file_that_cannot_be_read_is_a_fault(void **state)
{
    Fixture *f = *state;
    assert_false(read_all(f, "[]", NULL, NULL));
    assert_non_null(strstr(f->faults.items[0].detail, " must be an object"));
    assert_true(f->faults.items[0].detail[0] != 'm');  // the file is named
    memset(&f->faults, 0, sizeof f->faults);
    assert_false(read_all(f, "{\"workers\":}", NULL, NULL));
    assert_non_null(strstr(f->faults.items[0].detail, "line 1, column 12"));
    const ConfigSources sources = {.file = "/none/server.json"};
    memset(&f->faults, 0, sizeof f->faults);
    assert_false(config_read(&sources, &f->config, &f->faults));
    check_fault(f, 0, "", "/none/server.json: No such file or directory");
}

static void beyond_loopback_a_token_is_needed(void **state)
{
    Fixture *f = *state;
    const ConfigFlag open[] = {{"listen", "0.0.0.0:8080"}, {0}};
    assert_false(read_all(f, "{}", NULL, open));
    check_fault(f, 0, "/listen",
                "0.0.0.0:8080 is beyond this machine, which needs a token: set token_file or "
                "GOOGLENETD_TOKEN");
    char *environment[] = {"GOOGLENETD_TOKEN=s3cret", NULL};
    assert_true(read_all(f, "{}", environment, open));
    assert_string_equal(f->config.token, "s3cret");
}

static void hosts_are_bare_names(void **state)
{
    static const char *const GOOD[] = {"", "lab", "Lab.example", "gpu-1, runs_2.example,",
                                       " lab  other"};
    static const char *const WRONG[] = {"lab.example:8080", "lab, http://runs.example", "lab/",
                                        "*.example", "lab;other"};
    Fixture *f = *state;
    char detail[300];
    for (size_t i = 0; i < COUNT(GOOD); i++)
        assert_true(read_all(f, "{}", NULL, (const ConfigFlag[]){{"hosts", GOOD[i]}, {0}}));
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        assert_false(read_all(f, "{}", NULL, (const ConfigFlag[]){{"hosts", WRONG[i]}, {0}}));
        snprintf(detail, sizeof detail,
                 "must be names without scheme, port or path, with commas between, got \"%s\"",
                 WRONG[i]);
        check_fault(f, 0, "/hosts", detail);
    }
}

static void a_token_is_the_first_line_of_its_file(void **state)
{
    Fixture *f = *state;
    const char *path = scratch_path(&f->scratch, "token");
    char json[PATH_MAX + 32];
    snprintf(json, sizeof json, "{\"token_file\":\"%s\"}", path);
    put(path, "abc-123\nmore\n");
    assert_true(read_all(f, json, NULL, NULL));
    assert_string_equal(f->config.token, "abc-123");
    put(path, "\n");
    assert_false(read_all(f, json, NULL, NULL));
    check_fault(f, 0, "/token_file", "must hold a token of 1 to 255 characters");
    put(path, "two words\n");
    assert_false(read_all(f, json, NULL, NULL));
    check_fault(f, 0, "/token_file", "must be a token of visible ASCII characters");
    char *environment[] = {"GOOGLENETD_TOKEN=first", NULL};
    assert_true(read_all(f, json, environment, NULL));
    assert_string_equal(f->config.token, "first");
}

static void addresses_are_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *host;
        int port;
        bool loopback;
    } GOOD[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080, true}, {"localhost:0", "127.0.0.1", 0, true},
        {"LocalHost:0", "127.0.0.1", 0, true},       {"[::1]:80", "::1", 80, true},
        {"0.0.0.0:65535", "0.0.0.0", 65535, false},  {"[::]:1", "::", 1, false},
        {"127.1.2.3:1", "127.1.2.3", 1, true},
    };
    static const char *const WRONG[] = {"",         "8080",       ":8080",         "127.0.0.1",
                                        "1.2.3.4:", "1.2.3.4:x",  "1.2.3.4:65536", "host:80",
                                        "::1:80",   "[::1]",      "[1.2.3.4]:80",  "1.2.3:80",
                                        "[]:80",    "1.2.3.4:-1", "1.2.3.4:80 ",   "[:80"};
    Error err = {0};
    ListenAddress address;
    for (size_t i = 0; i < COUNT(GOOD); i++) {
        CHECK_OK(listen_address_parse(GOOD[i].listen, &address, &err), err);
        assert_string_equal(address.host, GOOD[i].host);
        assert_int_equal(address.port, GOOD[i].port);
        assert_int_equal(address.loopback, GOOD[i].loopback);
    }
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        if (listen_address_parse(WRONG[i], &address, &err))
            fail_msg("\"%s\" was taken", WRONG[i]);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(without_sources_all_is_as_usual),
        CASE(flags_override_the_environment_and_that_the_file),
        CASE(all_faults_are_named_by_the_names_they_were_given),
        CASE(a_misspelt_field_is_told_with_what_it_may_mean),
        cmocka_unit_test(variables_that_nothing_reads_are_told),
        cmocka_unit_test(variables_of_services_are_passed_over),
        CASE(data_must_have_a_folder),
        CASE(a_file_says_each_thing_once),
        CASE(a_byte_order_mark_is_passed_over),
        CASE(a_file_that_cannot_be_read_is_a_fault),
        CASE(beyond_loopback_a_token_is_needed),
        CASE(hosts_are_bare_names),
        CASE(a_token_is_the_first_line_of_its_file),
        cmocka_unit_test(addresses_are_numbers),
    };
    return RUN_TESTS(tests);
}
