/* Fuzz target: a job's JSON. Whatever the bytes, reading them ends with a job or with faults; and a
 * job that was read is written and read again unchanged. */
#include <assert.h>
#include <string.h>

#include "core/base/text.h"
#include "server/base/json/json_merge.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char *print(const JobSpec *spec)
{
    cJSON *json = spec_to_json(spec);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    return text;
}

static void check_round_trip(const JobSpec *spec, SpecRules rules)
{
    char *text = print(spec);
    Error err = {0};
    cJSON *json = json_parse_text("again", text, strlen(text), &err);
    assert(json);
    JobSpec again;
    Faults faults = {0};
    const bool ok = spec_read(json, rules, &again, &faults);
    assert(ok);
    char *text_again = print(&again);
    assert(strcmp(text, text_again) == 0);
    cJSON_free(text);
    cJSON_free(text_again);
    cJSON_Delete(json);
    spec_free(&again);
}

/* As a merge patch on nothing and on itself: null never stays, and twice is as good as once. */
static void check_merge(const cJSON *patch)
{
    Faults faults = {0};
    cJSON *once = cJSON_CreateObject();
    json_merge(once, patch, "", &faults);
    cJSON *twice = cJSON_Duplicate(once, true);
    const cJSON *item;
    cJSON_ArrayForEach(item, once)
    {
        assert(!cJSON_IsNull(item));
    }
    Faults again = {0};
    json_merge(twice, patch, "", &again);
    assert(again.count == faults.count);
    // As text: cJSON finds no infinity equal to itself.
    char *first = cJSON_PrintUnformatted(once), *second = cJSON_PrintUnformatted(twice);
    assert(faults.count > 0 || strcmp(first, second) == 0);
    cJSON_free(first);
    cJSON_free(second);
    cJSON_Delete(once);
    cJSON_Delete(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Error err = {0};
    cJSON *json = json_parse_text("fuzz", (const char *)bytes, size, &err);
    assert(json || err.message[0]);
    for (int folders = 0; json && folders < 2; folders++) {
        const SpecRules rules = {.allow_folders = folders};
        JobSpec spec;
        Faults faults = {0};
        if (spec_read(json, rules, &spec, &faults))
            check_round_trip(&spec, rules);
        else
            assert(faults.count > 0);
        for (int i = 0; i < faults.count && i < FAULTS_MAX; i++)
            assert(faults.items[i].detail[0] && utf8_valid(faults.items[i].pointer)
                   && utf8_valid(faults.items[i].detail));
        spec_free(&spec);
    }
    if (cJSON_IsObject(json))
        check_merge(json);
    cJSON_Delete(json);
    return 0;
}
