/* server/models/models_upload.c -- a file from elsewhere becomes the next version of a model. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "server/models/model_files.h"
#include "server/models/models_private.h"
#include "server/models/models_register.h"

enum { MOST_FILE = 2000000000 };  // bytes of an uploaded file, which is read as a whole

static void add_fault(void *context, const char *tensor, const char *fault)
{
    Faults *faults = context;
    char pointer[sizeof faults->items[0].pointer] = "/tensors";
    pointer_append(pointer, sizeof pointer, tensor);
    faults_add(faults, pointer, "%s", fault);
}

/* The names that the hints give; their number has to be that of the classes. */
static bool take_names(const ModelUpload *upload, ModelInfo *info, Faults *faults)
{
    if (!upload->class_names)
        return true;
    if (upload->class_name_count != info->classes) {
        faults_add(faults, "?class_names", "must be %d names, one for each class, got %d",
                   info->classes, upload->class_name_count);
        return false;
    }
    for (int i = 0; info->class_names && i < info->classes; i++)
        free((void *)info->class_names[i]);
    free((void *)info->class_names);
    const char **names = xcalloc((size_t)info->classes, sizeof *names);
    for (int i = 0; i < info->classes; i++)
        names[i] = xstrdup(upload->class_names[i]);
    info->class_names = names;
    return true;
}

/* Read the weights out of an open file and write them anew, with all that is known of them. */
static bool rewrite(const SafeFile *f, const ModelUpload *upload, const char *to, VersionRow *row,
                    Faults *faults, Error *err)
{
    static const char LABEL[] = "the file";
    ModelFile m;
    if (!model_file_describe(f, LABEL, &upload->hints, &m, err))
        return false;
    bool ok = take_names(upload, &m.info, faults);
    ok = model_compare(f, m.params, m.model->left_out, add_fault, faults) == 0 && ok;
    if (!ok)
        fail(err, ERR_INVALID, "the file is not of the network %s as it was described",
             m.info.network);
    ok = ok && model_read(f, LABEL, m.params, m.model->left_out, err)
         && model_save(to, m.params, &m.info, err)
         && file_digest(to, &row->bytes, row->sha256, err);
    if (ok)
        model_row_describe(row, &m.info);
    model_file_close(&m);
    return ok;
}

bool models_upload(Models *models, const ModelUpload *upload, ModelVersion *version, Faults *faults,
                   Error *err)
{
    uint8_t *bytes = NULL;
    size_t size;
    SafeFile *f = NULL;
    bool replayed;
    Path incoming;
    VersionRow row = {.source = {.kind = "upload"}};
    if (!models_admit(models, err) || !model_incoming_path(models->data, &incoming, err)
        || !file_read(upload->path, MOST_FILE, &bytes, &size, err))
        return false;
    ModelPlacing placing = {upload->name, incoming.text, {0}, &row};
    bool ok = safetensors_parse("the file", bytes, size, &f, err)
              && rewrite(f, upload, incoming.text, &row, faults, err);
    safetensors_close(f);
    free(bytes);
    if (ok) {
        row.metrics = xstrdup("null");
        row.settings = xstrdup("null");
        row.environment = xstrdup("null");
        row.evaluation = xstrdup("null");
        ok = models_place(models, &placing, version, &replayed, err);
    }
    unlink(incoming.text);
    version_row_free(&row);
    return ok;
}
