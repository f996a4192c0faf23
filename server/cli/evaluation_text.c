#include "server/cli/evaluation_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/json/json_fields.h"

enum { NAME_LEAST = 24, NAME_MOST = 60, UNTESTED_NAMED = 5 };

static const cJSON *member(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

static double number_of(const cJSON *json, const char *name)
{
    return json_number_at(json, name, NAN);
}

/* On one line and printable: a model's file may be a stranger's, and a terminal does what the
 * characters in a name tell it. From malloc. */
static char *name_of(const cJSON *class)
{
    const char *text = json_text_at(class, "name");
    char *name = xstrdup(text ? text : "");
    text_clean(name);
    return name;
}

/* ---- Classes ---- */

static int name_column(const cJSON *classes)
{
    const cJSON *class;
    int column = NAME_LEAST;
    cJSON_ArrayForEach(class, classes)
    {
        char *name = name_of(class);
        column = utf8_widen(column, name, NAME_MOST);
        free(name);
    }
    return column;
}

/* Of what nothing could be counted the figure is 0, which would look like a measurement here. */
static void print_figure(const cJSON *figures, const char *name, bool known)
{
    if (known)
        printf(" %9.3f", number_of(figures, name));
    else
        printf(" %9s", "-");
}

static void print_class(const cJSON *class, int column)
{
    char *name = name_of(class);
    const double support = number_of(class, "support"), guessed = number_of(class, "guessed");
    printf("%s%*s %9.0f", name, utf8_padding(name, column), "", support);
    print_figure(class, "precision", guessed > 0);
    print_figure(class, "recall", support > 0);
    print_figure(class, "f1", support + guessed > 0);
    putchar('\n');
    free(name);
}

static void print_mean(const char *name, const cJSON *figures, int column)
{
    printf("%-*s %9s", column, name, "");
    print_figure(figures, "precision", true);
    print_figure(figures, "recall", true);
    print_figure(figures, "f1", true);
    putchar('\n');
}

static void print_untested(const cJSON *classes)
{
    const cJSON *class;
    int count = 0;
    cJSON_ArrayForEach(class, classes)
    {
        if (number_of(class, "support") > 0 || count++ >= UNTESTED_NAMED)
            continue;
        char *name = name_of(class);
        printf("%s%s", count == 1 ? "without examples: " : ", ", name);
        free(name);
    }
    if (count > UNTESTED_NAMED)
        printf(" and %d more", count - UNTESTED_NAMED);
    if (count > 0)
        puts("; the mean leaves out those that nothing was taken for either");
}

static void print_classes(const cJSON *figures)
{
    const cJSON *class, *classes = member(figures, "classes");
    const int column = name_column(classes);
    printf("\n%-*s %9s %9s %9s %9s\n", column, "class", "examples", "precision", "recall", "f1");
    cJSON_ArrayForEach(class, classes) print_class(class, column);
    print_mean("mean", member(figures, "macro"), column);
    print_mean("weighted mean", member(figures, "weighted"), column);
    print_untested(classes);
}

/* ---- All ---- */

static void print_confused(const cJSON *figures)
{
    const cJSON *classes = member(figures, "classes"), *pair, *pairs = member(figures, "confused");
    if (cJSON_GetArraySize(pairs) > 0)
        printf("\nmost confused\n");
    cJSON_ArrayForEach(pair, pairs)
    {
        char *truth = name_of(cJSON_GetArrayItem(classes, (int)number_of(pair, "truth")));
        char *guess = name_of(cJSON_GetArrayItem(classes, (int)number_of(pair, "guess")));
        printf("%9.0f  %s taken for %s\n", number_of(pair, "count"), truth, guess);
        free(truth);
        free(guess);
    }
}

void evaluation_text_print(const cJSON *figures, bool test_time_flips)
{
    const cJSON *calibration = member(figures, "calibration");
    const double temperature = number_of(calibration, "temperature");
    printf("%.0f examples%s: accuracy %.4f, top-5 %.4f, loss %.4f\n",
           number_of(figures, "examples"), test_time_flips ? " with test-time flips" : "",
           number_of(figures, "accuracy"), number_of(figures, "top5_accuracy"),
           number_of(figures, "loss"));
    printf("expected calibration error %.4f", number_of(calibration, "expected_error"));
    if (temperature > 0)
        printf("; at temperature %.3f, fitted on %.0f held-out examples, %.4f", temperature,
               number_of(calibration, "temperature_examples"),
               number_of(calibration, "expected_error_at_temperature"));
    putchar('\n');
    print_classes(figures);
    print_confused(figures);
}
