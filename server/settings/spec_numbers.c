/* server/settings/spec_numbers.c -- the kinds of field that hold several numbers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"

enum { EXPECTED_TEXT = 160 };

static bool within(const Field *f, double x)
{
    return isfinite(x) && (f->above_min ? x > f->min : x >= f->min)
           && (f->below_max ? x < f->max : x <= f->max);
}

/* The numbers of an array of `least` to `most`, all in the field's range. */
static bool read_numbers(const Field *f, const cJSON *item, int least, int most, double *numbers,
                         int *count)
{
    *count = cJSON_GetArraySize(item);
    if (!cJSON_IsArray(item) || *count < least || *count > most)
        return false;
    int i = 0;
    const cJSON *number;
    cJSON_ArrayForEach(number, item)
    {
        if (!json_number_value(number, &numbers[i]) || !within(f, numbers[i]))
            return false;
        i++;
    }
    return true;
}

static cJSON *write_numbers(const double *numbers, int count)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < count; i++)
        cJSON_AddItemToArray(list, json_number(numbers[i]));
    return list;
}

/* "an array of two numbers above 0 and at most 1, the smaller one first" */
static void expected_text(const Field *f, const char *what, const char *besides,
                          char text[EXPECTED_TEXT])
{
    snprintf(text, EXPECTED_TEXT, "an array of %s %s %.16g and %s %.16g%s", what,
             f->above_min ? "above" : "at least", f->min, f->below_max ? "below" : "at most",
             f->max, besides);
}

static void range_read(const Field *f, const cJSON *item, SpecReader *r)
{
    double range[2];
    int count;
    char expected[EXPECTED_TEXT];
    if (read_numbers(f, item, 2, 2, range, &count) && range[0] <= range[1]) {
        memcpy((char *)r->spec + f->offset, range, sizeof range);
        return;
    }
    expected_text(f, "two numbers", ", the smaller one first", expected);
    fault_expected(r->faults, f->pointer, expected, item);
}

static cJSON *range_write(const Field *f, const JobSpec *spec)
{
    return write_numbers((const double *)((const char *)spec + f->offset), 2);
}

static void list_read(const Field *f, const cJSON *item, SpecReader *r)
{
    NumberList list = {0};
    char what[32], expected[EXPECTED_TEXT];
    if (read_numbers(f, item, 0, NUMBER_LIST_MAX, list.at, &list.count)) {
        memcpy((char *)r->spec + f->offset, &list, sizeof list);
        return;
    }
    snprintf(what, sizeof what, "up to %d numbers", NUMBER_LIST_MAX);
    expected_text(f, what, "", expected);
    fault_expected(r->faults, f->pointer, expected, item);
}

static cJSON *list_write(const Field *f, const JobSpec *spec)
{
    const NumberList *list = (const NumberList *)(const void *)((const char *)spec + f->offset);
    return write_numbers(list->at, list->count);
}

const FieldKind FIELD_RANGE = {"numbers", range_read, range_write, NULL};
const FieldKind FIELD_NUMBERS = {"numbers", list_read, list_write, NULL};
