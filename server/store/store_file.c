#include "server/store/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/numbers/byte_order.h"
#include "server/store/store_sql.h"

enum { RIGHTS = 0640 };

/* Bytes 68 to 71 of a database are its application's mark. Read as bytes: while the log holds what
 * belongs into the file, SQLite may find the file alone damaged. */
static bool bears_our_mark(int fd)
{
    uint8_t mark[4];
    return pread(fd, mark, sizeof mark, 68) == (ssize_t)sizeof mark
           && read_be32(mark) == SCHEMA_APPLICATION_ID;
}

/* Makes the file; *known if it is empty or ours. */
static bool make(const char *path, bool *known, Error *err)
{
    struct stat info;
    // A link is not followed: the file is written to, and must not be somebody else's.
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, RIGHTS);
    if (fd < 0 && (errno == EROFS || errno == EACCES))  // the reason is told when it is written
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(err, error_of_system(errno), "the store %s cannot be opened: %s", path,
                    strerror(errno));
    bool ok = fstat(fd, &info) == 0
              || fail(err, ERR_IO, "the store %s cannot be read: %s", path, strerror(errno));
    if (ok && !S_ISREG(info.st_mode))
        ok = fail(err, ERR_INVALID, "the store %s is not a file", path);
    // A store made by an earlier version, or with another umask. Not ours to change: left.
    if (ok && (info.st_mode & 07777 & ~(mode_t)RIGHTS) != 0
        && fchmod(fd, info.st_mode & RIGHTS) != 0 && errno != EPERM && errno != EROFS)
        ok = fail(err, ERR_IO, "the rights of the store %s cannot be changed: %s", path,
                  strerror(errno));
    *known = ok && (info.st_size == 0 || bears_our_mark(fd));
    close(fd);
    return ok;
}

/* "file:<path>?immutable=1": SQLite then reads the file alone and writes nothing beside it. */
static char *immutable_uri(const char *path)
{
    static const char HEX[] = "0123456789abcdef";
    char *uri = xcalloc(3 * strlen(path) + 32, 1);
    char *to = stpcpy(uri, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        if (*p > ' ' && *p < 0x7f && !strchr("%?#", *p)) {
            *to++ = (char)*p;
            continue;
        }
        *to++ = '%';
        *to++ = HEX[*p >> 4];
        *to++ = HEX[*p & 15];
    }
    strcpy(to, "?immutable=1");
    return uri;
}

/* What has not yet come from the log into the file is not seen here; schema_apply looks again. */
static bool look(const char *path, Error *err)
{
    Db db = {0};
    char *uri = immutable_uri(path);
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    bool ok = true;
    if (sqlite3_open_v2(uri, &db.sqlite, flags, NULL) != SQLITE_OK)
        ok = db.sqlite ? sql_fail(&db, err)
                       : fail(err, ERR_NO_MEMORY, "no memory for the store %s", path);
    ok = ok && schema_check_ours(&db, path, err);
    sqlite3_close(db.sqlite);
    free(uri);
    return ok;
}

bool store_file_prepare(const char *path, Error *err)
{
    bool known = false;
    return make(path, &known, err) && (known || look(path, err));
}
