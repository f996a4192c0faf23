#include "core/train/files/state_meta.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* Identifies a checkpoint and the version of its format, which is raised when fields change. */
static const char FORMAT[] = "googlenetd checkpoint ";
enum { NEWEST_FORMAT = 3 };

void meta_add(MetaList *list, const char *key, char *value)
{
    list->items = xrealloc(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (SafeMeta){key, value};
}

void meta_free(MetaList *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((void *)list->items[i].value);
    free(list->items);
    *list = (MetaList){0};
}

typedef enum { WHOLE, SEED, THREADS, REAL, TEXT, NORMALIZATION } FieldType;

/* One row for each field of TrainState: its key, type and offset, and the format it came with. */
typedef struct {
    const char *key;
    FieldType type;
    size_t offset;
    int format;
} StateField;

#define AT(member) offsetof(TrainState, member)
static const StateField FIELDS[] = {
    {"step", WHOLE, AT(step), 1},
    {"epoch", WHOLE, AT(epoch), 1},
    {"batch", WHOLE, AT(batch), 1},
    {"epoch_sum.loss", REAL, AT(epoch_sum.loss), 1},
    {"epoch_sum.top1", WHOLE, AT(epoch_sum.top1), 1},
    {"epoch_sum.top5", WHOLE, AT(epoch_sum.top5), 1},
    {"epoch_sum.count", WHOLE, AT(epoch_sum.count), 1},
    {"epoch_seconds", REAL, AT(epoch_seconds), 1},
    {"last_sum.loss", REAL, AT(last_sum.loss), 2},
    {"last_sum.top1", WHOLE, AT(last_sum.top1), 2},
    {"last_sum.top5", WHOLE, AT(last_sum.top5), 2},
    {"last_sum.count", WHOLE, AT(last_sum.count), 2},
    {"last_seconds", REAL, AT(last_seconds), 2},
    {"test_sum.loss", REAL, AT(test_sum.loss), 2},
    {"test_sum.top1", WHOLE, AT(test_sum.top1), 2},
    {"test_sum.top5", WHOLE, AT(test_sum.top5), 2},
    {"test_sum.count", WHOLE, AT(test_sum.count), 2},
    {"test_step", WHOLE, AT(test_step), 2},
    {"validation_sum.loss", REAL, AT(validation_sum.loss), 3},
    {"validation_sum.top1", WHOLE, AT(validation_sum.top1), 3},
    {"validation_sum.top5", WHOLE, AT(validation_sum.top5), 3},
    {"validation_sum.count", WHOLE, AT(validation_sum.count), 3},
    {"validation_step", WHOLE, AT(validation_step), 3},
    {"best_accuracy", REAL, AT(best_accuracy), 1},
    {"best_epoch", WHOLE, AT(best_epoch), 1},
    {"best_step", WHOLE, AT(best_step), 2},
    {"ending.seconds", REAL, AT(ending.seconds), 2},
    {"ending.reference", REAL, AT(ending.reference), 2},
    {"ending.idle_epochs", WHOLE, AT(ending.idle_epochs), 2},
    {"normalization", NORMALIZATION, AT(normalization), 3},
    {"seed", SEED, AT(seed), 1},
    {"threads", THREADS, AT(threads), 1},
    {"cpu", TEXT, AT(cpu), 2},
    {"cpu_isa", TEXT, AT(cpu_isa), 1},
    {"precision", TEXT, AT(precision), 1},
    {"onednn", TEXT, AT(onednn), 1},
    {"version", TEXT, AT(version), 1},
};
#undef AT

static char *field_text(const StateField *field, const void *at)
{
    char normalization[NORMALIZATION_TEXT];
    switch (field->type) {
    case WHOLE:
        return xasprintf("%" PRId64, *(const int64_t *)at);
    case SEED:
        return xasprintf("%" PRIu64, *(const uint64_t *)at);
    case THREADS:
        return xasprintf("%d", *(const int *)at);
    case REAL:
        return xasprintf("%a", *(const double *)at);
    case NORMALIZATION:
        normalization_to_text(at, normalization);
        return xstrdup(normalization);
    case TEXT:
        break;
    }
    return xstrdup(at);
}

void state_to_meta(const TrainState *state, MetaList *list)
{
    meta_add(list, "format", xasprintf("%s%d", FORMAT, NEWEST_FORMAT));
    for (size_t i = 0; i < COUNT(FIELDS); i++)
        meta_add(list, FIELDS[i].key,
                 field_text(&FIELDS[i], (const char *)state + FIELDS[i].offset));
}

static bool parse_whole(const char *text, int64_t max, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= 0 && *value <= max;
}

static bool parse_field(const StateField *field, const char *text, void *at)
{
    char *end = NULL;
    int64_t whole;
    switch (field->type) {
    case WHOLE:
        return parse_whole(text, INT64_MAX, at);
    case SEED:
        errno = 0;
        *(uint64_t *)at = strtoull(text, &end, 10);
        return errno == 0 && end != text && *end == '\0';
    case THREADS:
        if (!parse_whole(text, INT32_MAX, &whole))
            return false;
        *(int *)at = (int)whole;
        return true;
    case REAL:
        *(double *)at = strtod(text, &end);
        return end != text && *end == '\0' && isfinite(*(double *)at);
    case NORMALIZATION:
        return normalization_from_text(text, at);
    case TEXT:
        return snprintf(at, CHECKPOINT_TEXT, "%s", text) < CHECKPOINT_TEXT;
    }
    return false;
}

/* The text under `key`; NULL, with the fault, if there is none. */
static const char *require(const SafeFile *f, const char *path, const char *key, Error *err)
{
    const char *text = safetensors_metadata(f, key);
    if (!text)
        fail(err, ERR_INVALID, "%s is not a checkpoint: it does not say its %s", path, key);
    return text;
}

static bool read_format(const SafeFile *f, const char *path, int *format, Error *err)
{
    const char *text = safetensors_metadata(f, "format");
    int64_t number = 0;
    if (!text || strncmp(text, FORMAT, strlen(FORMAT)) != 0)
        return fail(err, ERR_INVALID,
                    "%s has weights but no state of a training: start a new training with them as "
                    "its initial weights (--init-from)",
                    path);
    if (!parse_whole(text + strlen(FORMAT), NEWEST_FORMAT, &number) || number < 1)
        return fail(err, ERR_INVALID, "%s is of another format: %.64s", path, text);
    *format = (int)number;
    if (*format > 1 && !safetensors_has_checksum(f))
        return fail(err, ERR_INVALID, "%s is damaged: it has no checksum", path);
    return true;
}

/* Derive from a file of format 1 what can be derived of the fields that it lacks. */
static void complete_format_1(TrainState *state)
{
    state->ending.reference = state->best_accuracy;
    state->ending.idle_epochs =
        state->epoch > state->best_epoch ? state->epoch - state->best_epoch : 0;
    if (state->epoch > 0 && state->best_epoch > 0)
        state->best_step = (state->step - state->batch) / state->epoch * state->best_epoch;
}

bool state_from_meta(const SafeFile *f, const char *path, TrainState *state, Error *err)
{
    int format = 0;
    if (!read_format(f, path, &format, err))
        return false;
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        const StateField *field = &FIELDS[i];
        if (field->format > format)
            continue;
        const char *text = require(f, path, field->key, err);
        if (!text)
            return false;
        if (!parse_field(field, text, (char *)state + field->offset))
            return fail(err, ERR_INVALID, "%s is damaged: its %s is %.64s", path, field->key, text);
    }
    const char *digest = safetensors_metadata(f, "dataset_digest");
    snprintf(state->dataset_digest, sizeof state->dataset_digest, "%s", digest ? digest : "");
    if (format == 1)
        complete_format_1(state);
    return true;
}
