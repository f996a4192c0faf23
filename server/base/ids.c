#include "server/base/ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<prefix><digits>", the digits without leading zeros and at least `least`. */
static bool parse_id(const char *text, const char *prefix, int64_t least, int64_t *id)
{
    const size_t skip = strlen(prefix);
    if (strncmp(text, prefix, skip) != 0)
        return false;
    const char *digits = text + skip;
    const size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 18 || digits[count] != '\0' || (digits[0] == '0' && count > 1))
        return false;
    *id = strtoll(digits, NULL, 10);
    return *id >= least;
}

void job_id_format(int64_t id, char text[ID_TEXT])
{
    snprintf(text, ID_TEXT, "job_%" PRId64, id);
}

bool job_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "job_", 1, id);
}

void checkpoint_id_format(int64_t step, char text[ID_TEXT])
{
    snprintf(text, ID_TEXT, "step_%" PRId64, step);
}

bool checkpoint_id_parse(const char *text, int64_t *step)
{
    return parse_id(text, "step_", 0, step);
}

void dataset_id_format(int64_t id, char text[ID_TEXT])
{
    snprintf(text, ID_TEXT, "set_%" PRId64, id);
}

bool dataset_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "set_", 1, id);
}

void model_id_format(int64_t id, char text[ID_TEXT])
{
    snprintf(text, ID_TEXT, "model_%" PRId64, id);
}

bool model_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "model_", 1, id);
}

void evaluation_id_format(int64_t id, char text[ID_TEXT])
{
    snprintf(text, ID_TEXT, "eval_%" PRId64, id);
}

bool evaluation_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "eval_", 1, id);
}

bool model_version_parse(const char *text, int64_t *version)
{
    return parse_id(text, "", 1, version);
}

void dataset_public_id(int64_t id, const char *name, char *text, size_t size)
{
    char number[ID_TEXT];
    dataset_id_format(id, number);
    snprintf(text, size, "%s", id > 0 ? number : name);
}
