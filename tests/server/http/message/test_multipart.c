/* tests/server/http/message/test_multipart.c -- bodies of forms: what curl and browsers send, and
 * what is refused. Every body is also given cut off at every byte, in memory of its own size. */
#include "server/http/message/multipart.h"

#include <stdio.h>

#include "tests/check.h"

static const char TYPE[] = "multipart/form-data; boundary=AaB03x";
#define PART                                                                                       \
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: "          \
    "image/png\r\n\r\n"

/* The parts, with a "|" behind each; NULL with *err if it is refused. */
static char *read(const char *type, const char *body, size_t size, Error *err)
{
    static char text[200];
    Multipart m;
    MultipartPart part;
    bool came;
    char *copy = malloc(size ? size : 1);  // exactly as large, for sanitizers
    memcpy(copy, body, size);
    text[0] = '\0';
    bool ok = multipart_begin(&m, type, copy, size, err);
    while (ok && (ok = multipart_next(&m, &part, &came, err)) && came) {
        strncat(text, part.bytes, part.size);
        strcat(text, "|");
    }
    free(copy);
    return ok ? text : NULL;
}

static void parts_come_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } CASES[] = {
        {"--AaB03x\r\n" PART "one\r\n--AaB03x--\r\n", "one|"},
        {"--AaB03x\r\n" PART "one\r\n--AaB03x--", "one|"},
        {"--AaB03x\r\n" PART "one\r\n--AaB03x\r\n" PART "\r\n\r\n--AaB03\r\n--AaB03x--\r\n",
         "one|\r\n\r\n--AaB03|"},
        {"--AaB03x\r\n" PART "\r\n--AaB03x--\r\n", "|"},
        {"--AaB03x\r\ncontent-disposition:form-data\r\nContent-Transfer-Encoding: binary\r\n\r\nx"
         "\r\n--AaB03x--\r\n",
         "x|"},
        {"--AaB03x--\r\n", ""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        const char *got = read(TYPE, CASES[i].body, strlen(CASES[i].body), &err);
        if (!got)
            fail_msg("%s", err.message);
        assert_string_equal(got, CASES[i].want);
    }
}

static void a_body_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    const char *body = "--AaB03x\r\n" PART "one\r\n--AaB03x\r\n" PART "two\r\n--AaB03x--";
    Error err;
    assert_non_null(read(TYPE, body, strlen(body), &err));
    for (size_t size = 0; size < strlen(body); size++) {
        err = (Error){0};
        assert_null(read(TYPE, body, size, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_true(err.message[0]);
    }
}

static void check_refused(const char *type, const char *body, const char *want)
{
    Error err = {0};
    assert_null(read(type, body, strlen(body), &err));
    if (!strstr(err.message, want))
        fail_msg("\"%s\" does not say \"%s\"", err.message, want);
}

static void what_is_not_strict_is_refused(void **state)
{
    (void)state;
    const char *good = "--AaB03x\r\n" PART "one\r\n--AaB03x--\r\n";
    check_refused("multipart/form-data", good, "must name its boundary");
    check_refused("multipart/form-data; boundary=", good, "must name its boundary");
    check_refused("multipart/form-data; boundary=\"AaB03x", good, "must name its boundary");
    check_refused("multipart/form-data; boundary=Aa B03x", good, "is followed by neither");
    check_refused("multipart/form-data; boundary=other", good, "must begin with its boundary");
    check_refused(TYPE, "hello\r\n--AaB03x\r\n" PART "one\r\n--AaB03x--\r\n",
                  "must begin with its boundary");
    check_refused(TYPE, "--AaB03x\r\n" PART "one\r\n--AaB03x--\r\nmore", "6 bytes follow");
    check_refused(TYPE, "--AaB03x\r\nContent-Type: a/b\r\n\r\none\r\n--AaB03x--\r\n",
                  "part 1 of the body has no Content-Disposition");
    check_refused(TYPE, "--AaB03x\r\nContent-Disposition: attachment\r\n\r\none\r\n--AaB03x--\r\n",
                  "is not form-data");
    check_refused(TYPE, "--AaB03x\r\nnonsense\r\n\r\none\r\n--AaB03x--\r\n",
                  "has a header that is none");
    check_refused(TYPE,
                  "--AaB03x\r\nContent-Disposition: form-data\r\nContent-Transfer-Encoding: base64"
                  "\r\n\r\none\r\n--AaB03x--\r\n",
                  "is encoded");
    check_refused(TYPE, "--AaB03x\r\n" PART "one\r\n--AaB03xy\r\n", "is followed by neither");
    char body[4000] = "--AaB03x\r\nX: ";
    memset(body + strlen(body), 'x', 3000);
    strcat(body, "\r\n" PART "one\r\n--AaB03x--\r\n");
    check_refused(TYPE, body, "headers that are too long");
}

static void the_boundary_may_stand_in_quotes_and_behind_others(void **state)
{
    (void)state;
    const char *body = "--A:b 1\r\n", *good = "--A:b\r\n" PART "x\r\n--A:b--";
    Error err = {0};
    assert_non_null(
        read("multipart/form-data; charset=utf-8; boundary=\"A:b\"", good, strlen(good), &err));
    assert_non_null(
        read("Multipart/Form-Data;BOUNDARY=A:b; charset=utf-8", good, strlen(good), &err));
    assert_null(read("multipart/form-data; boundary=A:b", body, strlen(body), &err));
}

static void the_name_of_a_part_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *disposition, *want;
    } CASES[] = {
        {"form-data; name=\"top_k\"", "top_k"},
        {"form-data; filename=\"name=\"; name=\"a\"", "a"},
        {"form-data; filename=\"x\"", ""},
        {"form-data;name=\"\"", ""},
        {"form-data; name=\"cut", ""},
        {"form-data; name=\"0123456789012345678901234567890\"", "0123456789012345678901234567890"},
        {"form-data; name=\"01234567890123456789012345678901\"", ""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char body[200];
        const int size = snprintf(body, sizeof body,
                                  "--AaB03x\r\nContent-Disposition: %s\r\n\r\nx\r\n--AaB03x--",
                                  CASES[i].disposition);
        Multipart m;
        MultipartPart part;
        bool came;
        Error err = {0};
        CHECK_OK(multipart_begin(&m, TYPE, body, (size_t)size, &err), err);
        CHECK_OK(multipart_next(&m, &part, &came, &err), err);
        assert_string_equal(part.name, CASES[i].want);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_as_they_are),
        cmocka_unit_test(the_name_of_a_part_is_told),
        cmocka_unit_test(a_body_that_is_cut_off_is_refused),
        cmocka_unit_test(what_is_not_strict_is_refused),
        cmocka_unit_test(the_boundary_may_stand_in_quotes_and_behind_others),
    };
    return RUN_TESTS(tests);
}
