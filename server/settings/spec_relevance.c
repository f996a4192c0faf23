/* server/settings/spec_relevance.c -- fields that mean something only beside certain others. */
#include <stdio.h>
#include <string.h>

#include "server/settings/spec_fields.h"

static void check_choice(const Field *f, const JobSpec *spec, Faults *faults)
{
    const Field *by = spec_field(f->when);
    char path[FIELD_PATH], names[128] = "";
    bool found = false;
    cJSON *choice = by->kind->write(by, spec);
    for (size_t i = 0; f->when_values[i]; i++) {
        const size_t used = strlen(names);
        const char *joint = i == 0 ? "" : f->when_values[i + 1] ? ", " : " or ";
        snprintf(names + used, sizeof names - used, "%s\"%s\"", joint, f->when_values[i]);
        found |= strcmp(f->when_values[i], choice->valuestring) == 0;
    }
    field_path(f->when, path);
    if (!found)
        faults_add(faults, f->pointer, "belongs to %s %s, not to \"%s\"", path, names,
                   choice->valuestring);
    cJSON_Delete(choice);
}

static void check_need(const Field *f, const JobSpec *spec, Faults *faults)
{
    const Field *by = spec_field(f->needs);
    char path[FIELD_PATH];
    cJSON *value = by->kind->write(by, spec);
    field_path(f->needs, path);
    if (cJSON_IsFalse(value))
        faults_add(faults, f->pointer, "needs %s", path);
    else if (cJSON_IsNumber(value) && !(value->valuedouble > 0))
        faults_add(faults, f->pointer, "needs %s above 0", path);
    cJSON_Delete(value);
}

void spec_check_relevance(const JobSpec *spec, Faults *faults)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    JobSpec defaults;
    spec_set_defaults(&defaults);
    for (size_t i = 0; i < count; i++) {
        const Field *f = &fields[i];
        const int before = faults->count;
        if ((!f->when && !f->needs) || field_equal(f, spec, &defaults))
            continue;
        // A choice with a fault has its default value, which the client did not ask for.
        if (f->when && !faults_at(faults, f->when))
            check_choice(f, spec, faults);
        if (f->needs && faults->count == before && !faults_at(faults, f->needs))
            check_need(f, spec, faults);
    }
}
