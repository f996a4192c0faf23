#include "server/data/dataset_report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/file_map.h"
#include "server/base/json/json_text.h"
#include "server/data/dataset_files.h"

static bool is_json(const FileMap *map, size_t size, Error *err)
{
    const char *text = (const char *)file_map_bytes(map);
    return (*text == '{' || fail(err, ERR_INVALID, "report.json does not begin with {"))
           && json_check_text("report.json", text, size, err);
}

/* It is mapped, as the report of a large set is long, and then sent from the descriptor. */
static bool check(const char *path, size_t size, Error *err)
{
    FileMap *map = NULL;
    Error why = {0};
    if (size == 0)
        return fail_as(err, ERR_DAMAGED, "file_damaged", "report.json is empty");
    if (!file_map_open(path, size, &map, err))
        return false;
    const bool whole = is_json(map, size, &why) && file_map_intact(map, &why);
    file_map_close(map);
    return whole || fail_as(err, ERR_DAMAGED, "file_damaged", "%s", why.message);
}

static bool open_file(const char *path, int *fd, size_t *size, Error *err)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path,
                    strerror(errno));
    *size = fstat(*fd, &info) == 0 ? (size_t)info.st_size : 0;
    if (check(path, *size, err))
        return true;
    close(*fd);
    return false;
}

/* Of a set that is ready it never changes; of one that has failed it is what was known by then. */
bool dataset_report_open(const char *data, int64_t id, int *fd, size_t *size, Error *err)
{
    Error ready = {0};
    if (open_file(dataset_pixels_report_path(data, id).text, fd, size, &ready))
        return true;
    return ready.code == ERR_NOT_FOUND
               ? open_file(dataset_report_path(data, id).text, fd, size, err)
               : fail_with(err, &ready);
}
