#include "server/http/sse.h"

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

static void check_frame(const char *id, const char *type, const char *data, const char *want)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    sse_write(out, id, type, data);
    fclose(out);
    assert_string_equal(text, want);
    free(text);
}

static void a_frame_has_id_event_and_data(void **state)
{
    (void)state;
    check_frame("5c1f-7", "point", "{\"step\":1}",
                "id: 5c1f-7\nevent: point\ndata: {\"step\":1}\n\n");
    check_frame("9223372036854775807", "x", "", "id: 9223372036854775807\nevent: x\ndata: \n\n");
}

/* Otherwise whoever writes a line break into a message could forge an event. */
static void line_breaks_stay_inside_the_data(void **state)
{
    (void)state;
    check_frame("1", "note", "a\nid: 9\r\nb\rc",
                "id: 1\nevent: note\ndata: a\ndata: id: 9\ndata: b\ndata: c\n\n");
    check_frame("1", "note", "a\n\nb\n",
                "id: 1\nevent: note\ndata: a\ndata: \ndata: b\ndata: \n\n");
}

static void the_start_has_an_id_but_no_data(void **state)
{
    char *text = NULL;
    size_t size;
    (void)state;
    FILE *out = open_memstream(&text, &size);
    sse_write_start(out, "5c1f-41");
    fclose(out);
    assert_non_null(strstr(text, "id: 5c1f-41\n"));
    assert_null(strstr(text, "data"));
    assert_string_equal(text + size - 2, "\n\n");
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_id_event_and_data),
        cmocka_unit_test(line_breaks_stay_inside_the_data),
        cmocka_unit_test(the_start_has_an_id_but_no_data),
    };
    return RUN_TESTS(tests);
}
