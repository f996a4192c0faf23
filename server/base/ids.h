/* server/base/ids.h -- ids as clients see them: "job_17".
 *
 * Behind it stands a number that grows from 1 and is never used again; a checkpoint's is the step
 * it was taken at. What reads an id answers false unless the text is exactly what would be written.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_TEXT = 32 };  // bytes of an id as text, with the final NUL

/* What reads an id: job_id_parse and its like. */
typedef bool (*IdParser)(const char *text, int64_t *id);

void job_id_format(int64_t id, char text[ID_TEXT]);  // "job_17"
bool job_id_parse(const char *text, int64_t *id);

void checkpoint_id_format(int64_t step, char text[ID_TEXT]);  // "step_4690"
bool checkpoint_id_parse(const char *text, int64_t *step);

void dataset_id_format(int64_t id, char text[ID_TEXT]);  // "set_3"
/* The id that clients know a set by: a known one, whose number is 0, has its name. A set that a
 * file from elsewhere tells of has the number 0 too, and no id here: see dataset_find. */
void dataset_public_id(int64_t id, const char *name, char *text, size_t size);
bool dataset_id_parse(const char *text, int64_t *id);

void model_id_format(int64_t id, char text[ID_TEXT]);  // "model_3"
bool model_id_parse(const char *text, int64_t *id);

void evaluation_id_format(int64_t id, char text[ID_TEXT]);  // "eval_5"
bool evaluation_id_parse(const char *text, int64_t *id);

bool model_version_parse(const char *text, int64_t *version);  // "3"; false unless 1 or more
