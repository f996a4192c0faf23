#include "server/data/intake/source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/files.h"
#include "server/data/intake/source/source_ops.h"

/* Opens what may be read; O_NONBLOCK never waits for a named pipe. */
static int open_source(const char *path, const SourceOptions *options, bool *is_folder, Error *err)
{
    const char *label = options->label ? options->label : path;
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    const int fd = options->no_links ? file_open_plain(path, flags) : open(path, flags);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        const int error = errno;
        if (fd >= 0)
            close(fd);
        fail(err, error == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", label,
             strerror(error));
        return -1;
    }
    *is_folder = S_ISDIR(info.st_mode);
    if (*is_folder || S_ISREG(info.st_mode))
        return fd;
    close(fd);
    fail(err, ERR_INVALID, "%s is neither a folder nor a file", label);
    return -1;
}

static void set_options(Source *s, const char *path, const SourceOptions *options)
{
    s->options = *options;
    s->limits = options->limits ? *options->limits : intake_limits_default();
    s->options.limits = &s->limits;
    s->label = xstrdup(options->label ? options->label : path);
    s->options.label = s->label;
}

bool source_open(const char *path, const SourceOptions *options, Source **source, Error *err)
{
    *source = NULL;
    bool is_folder;
    const int fd = open_source(path, options, &is_folder, err);
    if (fd < 0)
        return false;
    Source *s = is_folder ? folder_source_new() : archive_source_new();
    set_options(s, path, options);
    if (!(is_folder ? folder_source_open(s, fd, err) : archive_source_open(s, fd, err))) {
        source_free(s);
        return false;
    }
    listing_finish(&s->listing);
    *source = s;
    return true;
}

void source_free(Source *s)
{
    if (!s)
        return;
    s->ops->end(s);
    s->ops->close(s);
    listing_free(&s->listing);
    free(s->label);
    free(s);
}

const Listing *source_listing(const Source *s)
{
    return &s->listing;
}

const char *source_label(const Source *s)
{
    return s->label;
}

const char *source_kind(const Source *s)
{
    return s->kind;
}

bool source_begin(Source *s, const bool *wanted, Error *err)
{
    s->ops->end(s);
    return s->ops->begin(s, wanted, err);
}

SourceStep source_next(Source *s, SourceFile *file, Error *err)
{
    return s->ops->next(s, file, err);
}

bool source_read(Source *s, size_t entry, uint8_t **bytes, size_t *size, Error *err)
{
    bool *wanted = xcalloc(s->listing.count, sizeof *wanted);
    wanted[entry] = true;
    SourceFile file;
    bool ok = source_begin(s, wanted, err);
    const SourceStep step = ok ? source_next(s, &file, err) : SOURCE_FAILED;
    if (step == SOURCE_END)
        fail(err, ERR_INVALID, "%s is not in %s any more", s->listing.entries[entry].path,
             s->label);
    ok = step == SOURCE_FILE;
    if (ok && !(*bytes = malloc(file.size + 1)))
        ok = fail(err, ERR_NO_MEMORY, "no memory for the %zu MB of %s", file.size >> 20,
                  s->listing.entries[entry].path);
    if (ok) {
        if (file.size > 0)
            memcpy(*bytes, file.bytes, file.size);
        (*bytes)[file.size] = '\0';
        *size = file.size;
    }
    s->ops->end(s);
    free(wanted);
    return ok;
}

bool source_count(Source *s, Error *err)
{
    if (s->options.go_on && !s->options.go_on(s->options.context))
        return fail(err, ERR_STOPPED, "reading %s was stopped", s->label);
    s->listing.seen++;
    if (s->listing.name_bytes > s->limits.name_bytes)
        return fail(err, ERR_INVALID,
                    "%s has names of more than the %" PRId64 " bytes that are accepted", s->label,
                    s->limits.name_bytes);
    return s->listing.seen <= (uint64_t)s->limits.entries
           || fail(err, ERR_INVALID, "%s has more than the %" PRId64 " entries that are accepted",
                   s->label, s->limits.entries);
}

/* As text: what there is in memory of a name. */
static LeftCode name_path(Source *s, const char *raw, Slashes slashes, char **path)
{
    const LeftCode code = path_text(raw, slashes, &s->limits, path);
    s->listing.name_bytes += (int64_t)strlen(*path);
    return code;
}

bool source_add_file(Source *s, const char *raw, Slashes slashes, int64_t size, Error *err)
{
    char *path;
    const LeftCode code = name_path(s, raw, slashes, &path);
    if (code != LEFT_CODES)
        left_out_add(&s->listing.left_out, code, path);
    else if (size > s->limits.entry_bytes)
        left_out_say(&s->listing.left_out, LEFT_TOO_LARGE, path,
                     "it has %" PRId64 " bytes, more than the %" PRId64 " that one file may have",
                     size, s->limits.entry_bytes);
    else
        listing_add(&s->listing, path, raw, size);
    free(path);
    return s->listing.total_bytes <= s->limits.total_bytes
           || fail(err, ERR_INVALID,
                   "%s has files of more than the %" PRId64 " bytes that are accepted", s->label,
                   s->limits.total_bytes);
}

bool source_add_folder(Source *s, const char *raw, Slashes slashes)
{
    char *path;
    const LeftCode code = name_path(s, raw, slashes, &path);
    // "./" is the top of many archives: nothing to report.
    if (code == LEFT_CODES)
        listing_add_folder(&s->listing, path);
    else if (code != LEFT_NAMELESS)
        left_out_add(&s->listing.left_out, code, path);
    free(path);
    return code == LEFT_CODES;
}

void source_leave_out(Source *s, const char *raw, Slashes slashes, LeftCode code)
{
    char *path;
    const LeftCode own = name_path(s, raw, slashes, &path);
    left_out_add(&s->listing.left_out, own == LEFT_CODES ? code : own, path);
    free(path);
}
