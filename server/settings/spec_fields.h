/* server/settings/spec_fields.h -- one row per field of a job, and the kinds of field.
 *
 * The table (spec_table.c) holds all there is to know of a field: where it stands in the JSON and
 * in JobSpec, its kind, range and default, and the words for it. Reading, writing, hints, the form
 * of the dashboard and the documentation walk it.
 */
#pragma once
#include "server/settings/spec.h"

enum {
    SPEC_MAX_FIELDS = 128,
    IMAGE_MAX_SIDE = 1024,
};

typedef struct {
    JobSpec *spec;
    Faults *faults;
    SpecRules rules;
} SpecReader;

typedef struct Field Field;

typedef struct {
    const char *type;  // as GET /v1/settings shows it
    /* The value as it stands in the JSON, checked by itself; a fault leaves the spec as it was. */
    void (*read)(const Field *field, const cJSON *item, SpecReader *reader);
    cJSON *(*write)(const Field *field, const JobSpec *spec);
    /* The i-th name of those that are allowed, NULL after the last. The member is NULL for kinds
     * that allow more than names. */
    const char *(*choice)(const Field *field, size_t i);
} FieldKind;

struct Field {
    const char *pointer;  // "/optimizer/momentum"; a group stands before its fields
    const FieldKind *kind;
    const char *title, *about;  // for people: a label, and one line
    const char *section;        // of a form; NULL for groups
    bool rare;                  // a form may fold it away
    size_t offset;              // in JobSpec
    double default_value, min, max;
    bool default_varies;          // with other settings
    bool above_min, below_max;    // the end itself is not allowed
    const char *const *choices;   // FIELD_CHOICE: by value, NULL-terminated
    const double *default_range;  // FIELD_RANGE: two numbers
    /* The field means something only where the choice at `when` is one of `when_values`
     * (NULL-terminated), and only where the number at `needs` is above 0, or its yes or no is yes.
     * NULL: everywhere. What is another than the default is a fault elsewhere. */
    const char *when;
    const char *const *when_values;
    const char *needs;
};

extern const FieldKind FIELD_GROUP;     // an object of fields
extern const FieldKind FIELD_INT;       // int, a whole number from min to max
extern const FieldKind FIELD_SEED;      // uint64_t, a whole number from min to max
extern const FieldKind FIELD_NUMBER;    // double
extern const FieldKind FIELD_RANGE;     // double[2], the smaller one first
extern const FieldKind FIELD_NUMBERS;   // NumberList
extern const FieldKind FIELD_BOOL;      // bool
extern const FieldKind FIELD_CHOICE;    // an enum that counts from 0, by name
extern const FieldKind FIELD_NAME;      // JobSpec.name
extern const FieldKind FIELD_NETWORK;   // JobSpec.network
extern const FieldKind FIELD_BLOCKS;    // JobSpec.blocks
extern const FieldKind FIELD_INIT;      // JobSpec.init_from
extern const FieldKind FIELD_DATASET;   // JobSpec.dataset
extern const FieldKind FIELD_MODEL;     // JobSpec.register_as
extern const FieldKind FIELD_METADATA;  // JobSpec.metadata

const Field *spec_fields(size_t *count);
const Field *spec_field(const char *pointer);  // NULL if there is none
/* Whether a pointer is a member of init_from, which is one field: "/init_from/file". */
bool init_member(const char *pointer);
/* "/optimizer/momentum" -> "optimizer.momentum", as people write it. */
enum { FIELD_PATH = 64 };
void field_path(const char *pointer, char path[FIELD_PATH]);
/* Whether both have the same value. */
bool field_equal(const Field *field, const JobSpec *a, const JobSpec *b);
void spec_set_defaults(JobSpec *spec);
/* Faults of blocks that the network does not have. */
void spec_check_blocks(const JobSpec *spec, Faults *faults);
/* Faults of fields that mean nothing beside the others (Field.when, .needs). */
void spec_check_relevance(const JobSpec *spec, Faults *faults);

/* The field that a client may have meant who wrote `key` in the group `pointer` ("" is the top);
 * NULL if none is near. */
const Field *field_hint(const char *pointer, const char *key);
