/* server/jobs/spec_fields.h -- one row per field of a job, and the kinds of field that there are.
 *
 * The table is all there is to know of a field: where it stands in the JSON and in JobSpec, its
 * kind, range and default. Reading, writing and hints walk it.
 */
#pragma once
#include "server/jobs/spec.h"

typedef struct {
    JobSpec *spec;
    Faults *faults;
    SpecRules rules;
} SpecReader;

typedef struct Field Field;

typedef struct {
    /* The value as it stands in the JSON, checked by itself; a fault leaves the spec as it was. */
    void (*read)(const Field *field, const cJSON *item, SpecReader *reader);
    cJSON *(*write)(const Field *field, const JobSpec *spec);
} FieldKind;

struct Field {
    const char *pointer;  // "/optimizer/momentum"; a group stands before its fields
    const FieldKind *kind;
    size_t offset;  // in JobSpec
    double usual, min, max;
    bool above_min, below_max;  // the end itself is not allowed
    const char *const *names;   // FIELD_CHOICE: by value, NULL-terminated
};

extern const FieldKind FIELD_GROUP;     // an object of fields
extern const FieldKind FIELD_INT;       // int, a whole number from min to max
extern const FieldKind FIELD_SEED;      // uint64_t, a whole number from min to max
extern const FieldKind FIELD_NUMBER;    // double
extern const FieldKind FIELD_BOOL;      // bool
extern const FieldKind FIELD_CHOICE;    // an enum that counts from 0, by name
extern const FieldKind FIELD_SGD;       // the one optimizer there is; kept nowhere
extern const FieldKind FIELD_NAME;      // JobSpec.name
extern const FieldKind FIELD_NETWORK;   // JobSpec.network
extern const FieldKind FIELD_DATASET;   // JobSpec.dataset
extern const FieldKind FIELD_METADATA;  // JobSpec.metadata

/* The row of which a client may have thought who wrote `key` in the group `pointer` ("" is the
 * top); NULL if nothing is near. */
const Field *field_hint(const Field *fields, size_t count, const char *pointer, const char *key);
