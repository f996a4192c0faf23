#include "server/jobs/files/lost_found.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/base/ids.h"
#include "server/jobs/files/job_files.h"

enum { NAMES_MOST = 100000 };  // tried before it is given up

/* rename(2) that never replaces what is there. */
static bool move(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    // A file system that does not know the flag. Nobody else writes here.
    struct stat info;
    if (lstat(to, &info) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

static bool move_to_free_name(const char *path, const char *folder, const char *name, Path *to)
{
    for (int i = 0; i < NAMES_MOST; i++) {
        const int length = i == 0
                               ? snprintf(to->text, sizeof to->text, "%s/%s", folder, name)
                               : snprintf(to->text, sizeof to->text, "%s/%s.%d", folder, name, i);
        if (length < 0 || (size_t)length >= sizeof to->text) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (move(path, to->text))
            return true;
        if (errno != EEXIST && errno != ENOTEMPTY)
            return false;
    }
    return false;
}

bool lost_found_take(const char *data, const char *path, const char *name, Log *log)
{
    const Path folder = data_path(data, "lost+found");
    Path to;
    Error err = {0};
    bool ok = folder_make(folder.text, &err);
    if (ok && !move_to_free_name(path, folder.text, name, &to))
        ok = fail(&err, error_of_system(errno), "%s", strerror(errno));
    if (ok)
        LOG(log, LOG_WARNING, "lost_and_found", log_text("what", path), log_text("now", to.text));
    else
        LOG(log, LOG_WARNING, "lost_and_left", log_text("what", path),
            log_text("error", err.message));
    return ok;
}

static int64_t last_in(const char *path, IdParser parse)
{
    int64_t last = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char id[ID_TEXT];
        int64_t number;
        // Also of "job_7.1", and of a file of a job, "job_7.step_30.model.safetensors".
        const size_t length = strcspn(entry->d_name, ".");
        if (length >= sizeof id)
            continue;
        snprintf(id, sizeof id, "%.*s", (int)length, entry->d_name);
        if (parse(id, &number) && number > last)
            last = number;
    }
    closedir(dir);
    return last;
}

int64_t lost_found_last(const char *data, const char *folder, IdParser parse)
{
    const int64_t here = last_in(data_path(data, folder).text, parse);
    const int64_t there = last_in(data_path(data, "lost+found").text, parse);
    return here > there ? here : there;
}
