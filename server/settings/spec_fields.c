#include "server/settings/spec_fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "server/base/json/json_text.h"

enum {
    METADATA_MAX_ENTRIES = 16,
    METADATA_MAX_KEY = 64,     // bytes
    METADATA_MAX_VALUE = 512,  // bytes
    EXPECTED_TEXT = 384,       // of "must be ..."
};

static const void *place(const Field *field, const JobSpec *spec)
{
    return (const char *)spec + field->offset;
}

static void put(const Field *field, const SpecReader *r, const void *value, size_t size)
{
    memcpy((char *)r->spec + field->offset, value, size);
}

/* ---- Numbers ---- */

static void range_text(const Field *f, char *text, size_t size)
{
    if (isinf(f->max))
        snprintf(text, size, "%s %.16g", f->above_min ? "above" : "at least", f->min);
    else if (f->above_min || f->below_max)
        snprintf(text, size, "%s %.16g and %s %.16g", f->above_min ? "above" : "at least", f->min,
                 f->below_max ? "below" : "at most", f->max);
    else
        snprintf(text, size, "%.16g to %.16g", f->min, f->max);
}

/* The number in `item` if it is one and within the range; else a fault. */
static bool ranged(const Field *f, const cJSON *item, SpecReader *r, bool whole, double *value)
{
    const char *noun = whole ? "a whole number" : "a number";
    if (!json_number_value(item, value)) {
        fault_expected(r->faults, f->pointer, noun, item);
        return false;
    }
    const bool low = f->above_min ? *value <= f->min : *value < f->min;
    const bool high = f->below_max ? *value >= f->max : *value > f->max;
    if (low || high || !isfinite(*value)) {
        char range[EXPECTED_TEXT];
        range_text(f, range, sizeof range);
        fault_expected(r->faults, f->pointer, range, item);
        return false;
    }
    if (whole && *value != floor(*value)) {
        fault_expected(r->faults, f->pointer, noun, item);
        return false;
    }
    return true;
}

static void int_read(const Field *f, const cJSON *item, SpecReader *r)
{
    double value;
    if (ranged(f, item, r, true, &value))
        put(f, r, &(int){(int)value}, sizeof(int));
}

static cJSON *int_write(const Field *f, const JobSpec *spec)
{
    return json_number(*(const int *)place(f, spec));
}

static void seed_read(const Field *f, const cJSON *item, SpecReader *r)
{
    double value;
    if (ranged(f, item, r, true, &value))
        put(f, r, &(uint64_t){(uint64_t)value}, sizeof(uint64_t));
}

static cJSON *seed_write(const Field *f, const JobSpec *spec)
{
    return json_number((double)*(const uint64_t *)place(f, spec));
}

static void number_read(const Field *f, const cJSON *item, SpecReader *r)
{
    double value;
    if (ranged(f, item, r, false, &value))
        put(f, r, &(double){value + 0.0}, sizeof(double));  // -0 becomes 0
}

static cJSON *number_write(const Field *f, const JobSpec *spec)
{
    return json_number(*(const double *)place(f, spec));
}

const FieldKind FIELD_INT = {"integer", int_read, int_write, NULL};
const FieldKind FIELD_SEED = {"integer", seed_read, seed_write, NULL};
const FieldKind FIELD_NUMBER = {"number", number_read, number_write, NULL};

/* ---- Yes or no, and one of several ---- */

static void bool_read(const Field *f, const cJSON *item, SpecReader *r)
{
    if (cJSON_IsBool(item))
        put(f, r, &(bool){cJSON_IsTrue(item)}, sizeof(bool));
    else
        fault_expected(r->faults, f->pointer, "true or false", item);
}

static cJSON *bool_write(const Field *f, const JobSpec *spec)
{
    return cJSON_CreateBool(*(const bool *)place(f, spec));
}

/* Append ", \"name\"". */
static void append_name(char *text, size_t size, const char *name, bool first)
{
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s\"%s\"", first ? "" : ", ", name);
}

/* The index of the string `item` among the choices of `f`; -1, with a fault, if it is not one of
 * them. `besides` says what else is allowed. */
static int chosen(const Field *f, const cJSON *item, const char *besides, SpecReader *r)
{
    char expected[EXPECTED_TEXT] = "";
    if (f->kind->choice(f, 1))
        snprintf(expected, sizeof expected, "one of ");
    const char *name;
    for (int i = 0; (name = f->kind->choice(f, (size_t)i)); i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0)
            return i;
        append_name(expected, sizeof expected, name, i == 0);
    }
    const size_t used = strlen(expected);
    snprintf(expected + used, sizeof expected - used, "%s", besides);
    fault_expected(r->faults, f->pointer, expected, item);
    return -1;
}

static const char *choice_name(const Field *f, size_t i)
{
    return f->choices[i];
}

static void choice_read(const Field *f, const cJSON *item, SpecReader *r)
{
    const int value = chosen(f, item, "", r);
    if (value >= 0)
        put(f, r, &value, sizeof value);
}

static cJSON *choice_write(const Field *f, const JobSpec *spec)
{
    return cJSON_CreateString(f->choices[*(const int *)place(f, spec)]);
}

_Static_assert(sizeof(FlipType) == sizeof(int) && sizeof(NormalizationType) == sizeof(int),
               "choices are stored as int");
_Static_assert(sizeof(FreezeType) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(Precision) == sizeof(int) && sizeof(ScheduleType) == sizeof(int)
                   && sizeof(OptimizerType) == sizeof(int),
               "choices are stored as int");

const FieldKind FIELD_BOOL = {"boolean", bool_read, bool_write, NULL};
const FieldKind FIELD_CHOICE = {"choice", choice_read, choice_write, choice_name};

/* ---- Name, network, dataset ---- */

/* Text for a fixed place of `size` bytes: UTF-8 without control characters. */
static bool plain_text(const Field *f, const cJSON *item, size_t size, SpecReader *r)
{
    char expected[EXPECTED_TEXT];
    snprintf(expected, sizeof expected, "a string of at most %zu bytes", size - 1);
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= size)
        fault_expected(r->faults, f->pointer, expected, item);
    else if (!utf8_valid(item->valuestring))
        faults_add(r->faults, f->pointer, "must be UTF-8");
    else if (text_has_control(item->valuestring))
        fault_expected(r->faults, f->pointer, "free of control characters", item);
    else
        return true;
    return false;
}

static void name_read(const Field *f, const cJSON *item, SpecReader *r)
{
    if (plain_text(f, item, JOB_NAME, r))
        snprintf(r->spec->name, JOB_NAME, "%s", item->valuestring);
}

static cJSON *name_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return cJSON_CreateString(spec->name);
}

static void register_as_read(const Field *f, const cJSON *item, SpecReader *r)
{
    if (cJSON_IsString(item) && (!item->valuestring[0] || model_name_valid(item->valuestring)))
        snprintf(r->spec->register_as, MODEL_NAME, "%s", item->valuestring);
    else
        fault_expected(r->faults, f->pointer,
                       "at most 64 letters, digits, dots, underscores and hyphens", item);
}

static cJSON *register_as_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return cJSON_CreateString(spec->register_as);
}

static const char *network_name(const Field *f, size_t i)
{
    size_t count;
    const Model *models = models_table(&count);
    (void)f;
    return i < count ? models[i].name : NULL;
}

static void network_read(const Field *f, const cJSON *item, SpecReader *r)
{
    const int i = chosen(f, item, "", r);
    if (i >= 0)
        r->spec->network = models_find(network_name(f, (size_t)i));
}

static cJSON *network_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return cJSON_CreateString(spec->network->name);
}

static const char *dataset_name(const Field *f, size_t i)
{
    size_t count;
    const DatasetInfo *sets = dataset_table(&count);
    (void)f;
    return i < count ? sets[i].name : NULL;
}

/* One that people brought: by its id in the settings from now on. True if there is one of that id
 * or name. */
static bool find_set(const Field *f, const char *name, SpecReader *r)
{
    SpecSet set;
    Error err = {0};
    const SpecSets *sets = r->rules.sets;
    if (dataset_find(name))
        return false;
    if (sets->find(sets->context, name, &set, &err)) {
        r->spec->set = set;
        snprintf(r->spec->dataset, SPEC_PATH, "set_%lld", (long long)set.id);
        return true;
    }
    if (err.code != ERR_NOT_FOUND)
        faults_add_as(r->faults, f->pointer, "dataset_unavailable", "%s", err.message);
    return err.code != ERR_NOT_FOUND;
}

static void dataset_read(const Field *f, const cJSON *item, SpecReader *r)
{
    const bool folders = r->rules.allow_folders;
    const bool is_folder = folders && cJSON_IsString(item) && strchr(item->valuestring, '/');
    const char *besides = folders         ? " or the path of a folder, with a slash"
                          : r->rules.sets ? " or the id or the name of a data set"
                                          : "";
    if (r->rules.sets && cJSON_IsString(item) && find_set(f, item->valuestring, r))
        return;
    if (is_folder ? plain_text(f, item, SPEC_PATH, r) : chosen(f, item, besides, r) >= 0)
        snprintf(r->spec->dataset, SPEC_PATH, "%s", item->valuestring);
}

static cJSON *dataset_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return cJSON_CreateString(spec->dataset);
}

const FieldKind FIELD_NAME = {"string", name_read, name_write, NULL};
const FieldKind FIELD_MODEL = {"string", register_as_read, register_as_write, NULL};
const FieldKind FIELD_NETWORK = {"network", network_read, network_write, network_name};
const FieldKind FIELD_DATASET = {"dataset", dataset_read, dataset_write, dataset_name};

/* ---- Objects ---- */

static bool entry_ok(const cJSON *object, const cJSON *entry, const char *parent, Faults *faults)
{
    const int before = faults->count;
    char pointer[sizeof(Fault){0}.pointer];
    snprintf(pointer, sizeof pointer, "%s", parent);
    pointer_append(pointer, sizeof pointer, entry->string);
    if (strlen(entry->string) > METADATA_MAX_KEY)
        faults_add(faults, pointer, "must have a key of at most %d bytes, got %zu",
                   METADATA_MAX_KEY, strlen(entry->string));
    if (json_given_twice(object, entry))
        faults_add(faults, pointer, "is given twice");
    if (!utf8_valid(entry->string))
        faults_add(faults, pointer, "must be UTF-8");
    if (!cJSON_IsString(entry))
        fault_expected(faults, pointer, "a string", entry);
    else if (strlen(entry->valuestring) > METADATA_MAX_VALUE)
        faults_add(faults, pointer, "must be at most %d bytes, got %zu", METADATA_MAX_VALUE,
                   strlen(entry->valuestring));
    else if (!utf8_valid(entry->valuestring))
        faults_add(faults, pointer, "must be UTF-8");
    return faults->count == before;
}

static void metadata_read(const Field *f, const cJSON *item, SpecReader *r)
{
    if (!cJSON_IsObject(item)) {
        fault_expected(r->faults, f->pointer, "an object of strings", item);
        return;
    }
    const int count = cJSON_GetArraySize(item);
    if (count > METADATA_MAX_ENTRIES) {
        faults_add(r->faults, f->pointer, "must have at most %d entries, got %d",
                   METADATA_MAX_ENTRIES, count);
        return;
    }
    bool ok = true;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, item)
    {
        ok = entry_ok(item, entry, f->pointer, r->faults) && ok;
    }
    if (ok && count > 0)
        r->spec->metadata = cJSON_Duplicate(item, true);
}

static cJSON *metadata_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return spec->metadata ? cJSON_Duplicate(spec->metadata, true) : cJSON_CreateObject();
}

/* spec.c reads the fields of a group by their own rows. */
static cJSON *group_write(const Field *f, const JobSpec *spec)
{
    (void)f, (void)spec;
    return cJSON_CreateObject();
}

bool field_equal(const Field *f, const JobSpec *a, const JobSpec *b)
{
    cJSON *of_a = f->kind->write(f, a), *of_b = f->kind->write(f, b);
    const bool equal = cJSON_Compare(of_a, of_b, true);
    cJSON_Delete(of_a);
    cJSON_Delete(of_b);
    return equal;
}

const FieldKind FIELD_GROUP = {"object", NULL, group_write, NULL};
const FieldKind FIELD_METADATA = {"metadata", metadata_read, metadata_write, NULL};
