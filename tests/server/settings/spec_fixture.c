#include "tests/server/settings/spec_fixture.h"

#include "server/base/json/json_text.h"
#include "tests/check.h"

bool read_text(const char *text, SpecRules rules, JobSpec *spec, Faults *faults)
{
    Error err = {0};
    cJSON *json = json_parse_text("text", text, strlen(text), &err);
    if (!json)
        fail_msg("%s", err.message);
    *faults = (Faults){0};
    const bool ok = spec_read(json, rules, spec, faults);
    cJSON_Delete(json);
    return ok;
}

JobSpec read_good(const char *text)
{
    JobSpec spec;
    Faults faults;
    if (!read_text(text, FOLDERS, &spec, &faults))
        fail_msg("%s: %s %s", text, faults.items[0].pointer, faults.items[0].detail);
    return spec;
}

void check_fault(const char *text, const char *pointer, const char *detail)
{
    JobSpec spec;
    Faults faults;
    if (read_text(text, NO_FOLDERS, &spec, &faults))
        fail_msg("%s was read", text);
    spec_free(&spec);
    if (faults.count != 1)
        print_error("%s: %d faults, the second at %s\n", text, faults.count,
                    faults.items[1].pointer);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, pointer);
    assert_string_equal(faults.items[0].detail, detail);
}
