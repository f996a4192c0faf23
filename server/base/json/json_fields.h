/* server/base/json/json_fields.h -- members of JSON objects: those that answers and events are made
 * of, and what others say. */
#pragma once
#include <cJSON.h>
#include <stdint.h>

/* The name of a file, which may have any bytes: those that are not UTF-8 become question marks. */
void json_add_path(cJSON *to, const char *name, const char *path);
void json_add_text(cJSON *to, const char *name, const char *text);  // null for NULL and ""
void json_add_time(cJSON *to, const char *name, int64_t ms);        // RFC 3339; null for 0
void json_add_count(cJSON *to, const char *name, int64_t value);
void json_add_real(cJSON *to, const char *name, double value);  // with all its bits; null for NaN

/* "progress": {"done","total"}, and "error": {"code","message"} or, where the code is NULL or "",
 * null, as all that takes its time has them. */
void json_add_progress(cJSON *to, int64_t done, int64_t total);
void json_add_error(cJSON *to, const char *code, const char *message);

/* A member's value. NULL, or `otherwise`: the object has none of that name and type. */
const char *json_text_at(const cJSON *object, const char *name);
double json_number_at(const cJSON *object, const char *name, double otherwise);
