/* server/cli/evaluation_text.h -- what an evaluation has found, for people. */
#pragma once
#include <cJSON.h>
#include <stdbool.h>

/* On standard output: the figures, a line for each class, what is confused. `figures` are those of
 * evaluation_to_json (server/models/evaluations/evaluation_report.h), whoever made them. */
void evaluation_text_print(const cJSON *figures, bool test_time_flips);
