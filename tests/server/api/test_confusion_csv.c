/* tests/server/api/test_confusion_csv.c -- confusion matrices as CSV, piece by piece. */
#include "server/api/models/confusion_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "tests/check.h"

/* As the store gives them, from malloc. */
static CellList cells_of(const CellRow *rows, size_t count)
{
    CellList list = {.items = xcalloc(count + 1, sizeof *rows), .count = count};
    memcpy(list.items, rows, count * sizeof *rows);
    return list;
}

/* All of a stream, from malloc, and its longest piece. */
static char *read_all(BodyStream stream, size_t *longest)
{
    char *text = xcalloc(1, 1), *piece;
    size_t length = 0, size;
    StreamStep step;
    *longest = 0;
    while ((step = stream.next(stream.context, &piece, &size)) == STREAM_PIECE) {
        text = xrealloc(text, length + size + 1, 1);
        memcpy(text + length, piece, size);
        length += size;
        text[length] = '\0';
        *longest = size > *longest ? size : *longest;
        free(piece);
    }
    assert_int_equal(step, STREAM_END);
    stream.free(stream.context);
    return text;
}

static void names_stand_before_rows_and_columns(void **state)
{
    (void)state;
    const CellRow rows[] = {{.truth = 0, .guess = 1, .count = 7},
                            {.truth = 2, .guess = 0, .count = 1},
                            {.truth = 2, .guess = 2, .count = 30}};
    size_t longest;
    char *text = read_all(
        confusion_csv(cJSON_Parse("[\"cat\",\"a, b\",\"dog\"]"), cells_of(rows, COUNT(rows))),
        &longest);
    assert_string_equal(text,
                        "truth,cat,\"a, b\",dog\r\ncat,0,7,0\r\n\"a, b\",0,0,0\r\ndog,1,0,30\r\n");
    free(text);
}

static void many_classes_never_stand_in_memory_as_a_whole(void **state)
{
    (void)state;
    enum { CLASSES = 2000 };
    cJSON *names = cJSON_CreateArray();
    for (int i = 0; i < CLASSES; i++)
        cJSON_AddItemToArray(names, cJSON_CreateString("x"));
    const CellRow last = {.truth = CLASSES - 1, .guess = CLASSES - 1, .count = 5};
    size_t longest;
    char *text = read_all(confusion_csv(names, cells_of(&last, 1)), &longest);
    assert_int_equal(strlen(text), 5 + 2 * CLASSES + 2 + CLASSES * (1 + 2 * CLASSES + 2));
    assert_true(longest < 80000);
    assert_string_equal(text + strlen(text) - 6, ",0,5\r\n");
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_before_rows_and_columns),
        cmocka_unit_test(many_classes_never_stand_in_memory_as_a_whole),
    };
    return RUN_TESTS(tests);
}
