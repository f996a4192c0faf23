#include "server/settings/spec_changes.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/settings/spec_fields.h"

static bool counts(const Field *f)
{
    return f->kind != &FIELD_GROUP && f->kind != &FIELD_NAME && f->kind != &FIELD_METADATA;
}

/* "optimizer.clip_norm from 0 to 1" after what `text` has, which it takes. */
static char *add(char *text, const Field *f, const cJSON *then, const cJSON *now)
{
    char path[FIELD_PATH];
    char *from = cJSON_PrintUnformatted(then), *to = cJSON_PrintUnformatted(now);
    field_path(f->pointer, path);
    char *longer =
        xasprintf("%s%s%s from %s to %s", text ? text : "", text ? ", " : "", path, from, to);
    cJSON_free(from);
    cJSON_free(to);
    free(text);
    return longer;
}

char *spec_changes(const JobSpec *then, const JobSpec *now)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    char *text = NULL;
    for (size_t i = 0; i < count; i++) {
        const Field *f = &fields[i];
        if (!counts(f))
            continue;
        cJSON *a = f->kind->write(f, then), *b = f->kind->write(f, now);
        if (!cJSON_Compare(a, b, true))
            text = add(text, f, a, b);
        cJSON_Delete(a);
        cJSON_Delete(b);
    }
    return text;
}
