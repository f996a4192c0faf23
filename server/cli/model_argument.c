#include "server/cli/model_argument.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"

char *model_argument_path(const char *argument)
{
    struct stat info;
    if (stat(argument, &info) != 0 || !S_ISDIR(info.st_mode))
        return xstrdup(argument);
    char *model = xasprintf("%s/model.safetensors", argument);
    char *best = xasprintf("%s/best.safetensors", argument);
    const bool ended = access(model, F_OK) == 0 || access(best, F_OK) != 0;
    free(ended ? best : model);
    return ended ? model : best;
}

bool model_argument_open(const char *argument, const ModelHints *hints, char **path,
                         ModelFile *file, Error *err)
{
    *path = model_argument_path(argument);
    return model_file_open(*path, hints, file, err);
}

bool model_argument_spared(const char *path, const char *option, const char *output, Error *err)
{
    struct stat model, written;
    const bool same = stat(path, &model) == 0 && stat(output, &written) == 0
                      && model.st_dev == written.st_dev && model.st_ino == written.st_ino;
    return !same
           || fail(err, ERR_INVALID, "%s %s is the model itself, which it would replace", option,
                   output);
}

bool model_argument_remote(const ModelHints *hints, bool more, Error *err)
{
    const bool said = hints->network || hints->classes || hints->channels || hints->image_size;
    return !(said || more)
           || fail(err, ERR_INVALID,
                   "with --server the daemon knows the model, and computes as it does: --network, "
                   "--classes, --channels, --image-size, --precision, --threads and --batch-size "
                   "have no meaning");
}
