#include "server/settings/spec_changes.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"

static bool counts(const Field *f)
{
    return f->kind != &FIELD_GROUP && f->kind != &FIELD_NAME && f->kind != &FIELD_METADATA;
}

/* "optimizer.clip_norm from 0 to 1" after what `text` has, which it takes. */
static char *add(char *text, const Field *f, const JobSpec *then, const JobSpec *now)
{
    char path[FIELD_PATH];
    char *from = json_take_text(f->kind->write(f, then));
    char *to = json_take_text(f->kind->write(f, now));
    field_path(f->pointer, path);
    char *longer =
        xasprintf("%s%s%s from %s to %s", text ? text : "", text ? ", " : "", path, from, to);
    free(from);
    free(to);
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
        if (counts(f) && !field_equal(f, then, now))
            text = add(text, f, then, now);
    }
    return text;
}
