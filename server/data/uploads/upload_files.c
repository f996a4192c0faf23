#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/atomic_file.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"
#include "server/data/uploads/upload_private.h"
#include "server/jobs/files/lost_found.h"

static const char INFO[] = ".json", PART[] = ".part", TEMPORARY[] = ".json.tmp-";

enum {
    ID_LENGTH = UPLOAD_ID - 1,
    LEAST_MS = 600000,  // that clients have after a start to go on
};

Path upload_path(const Uploads *uploads, const char *id, const char *suffix)
{
    Path path;
    snprintf(path.text, sizeof path.text, "%.*s/%s%s", PATH_MAX - 64, uploads->folder.text, id,
             suffix);
    return path;
}

bool upload_fail(const char *call, const Path *path, Error *err)
{
    const int code = errno;
    if (error_of_system(code) == ERR_NO_SPACE)
        return fail_as(err, ERR_NO_SPACE, "insufficient_storage", "%s %s: %s", call, path->text,
                       strerror(code));
    return fail(err, ERR_IO, "%s %s: %s", call, path->text, strerror(code));
}

bool upload_info_write(const Uploads *uploads, const UploadInfo *info, Error *err)
{
    cJSON *json = cJSON_CreateObject();
    json_add_count(json, "length", info->length);
    json_add_count(json, "created_at", info->created_at);
    cJSON_AddStringToObject(json, "metadata", info->metadata);
    if (info->sha256[0])
        cJSON_AddStringToObject(json, "sha256", info->sha256);
    if (info->key[0])
        cJSON_AddStringToObject(json, "key", info->key);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        return fail(err, ERR_NO_MEMORY, "no memory for the upload %s", info->id);
    const bool ok =
        atomic_file_save(upload_path(uploads, info->id, INFO).text, text, strlen(text), err);
    cJSON_free(text);
    if (!ok && err && err->code == ERR_NO_SPACE)
        err->reason = "insufficient_storage";
    return ok;
}

static bool remove_file(const Path *path, Error *err)
{
    return unlink(path->text) == 0 || errno == ENOENT || upload_fail("remove", path, err);
}

bool upload_files_remove(const Uploads *uploads, const char *id, Error *err)
{
    const Path bytes = upload_path(uploads, id, ""), part = upload_path(uploads, id, PART),
               info = upload_path(uploads, id, INFO);
    return remove_file(&bytes, err) && remove_file(&part, err) && remove_file(&info, err);
}

/* ---- The stock at the start ---- */

static bool is_id(const char *name)
{
    return strncmp(name, "up_", 3) == 0 && strspn(name + 3, "0123456789abcdef") == ID_LENGTH - 3;
}

static bool text_of(const cJSON *json, const char *key, char *dst, size_t size)
{
    const char *text = json_text_at(json, key);
    if (!text || strlen(text) >= size)
        return false;
    strcpy(dst, text);
    return true;
}

static bool number_of(const cJSON *json, const char *key, int64_t *value)
{
    const double number = json_number_at(json, key, -1);
    if (!(number >= 0 && number <= 9e15))
        return false;
    *value = (int64_t)number;
    return true;
}

static bool read_info(const Uploads *uploads, UploadInfo *info, Error *err)
{
    const Path path = upload_path(uploads, info->id, INFO);
    char *text = NULL;
    size_t length = 0;
    if (!file_text(path.text, JSON_MAX_BYTES, &text, &length, err))
        return false;
    cJSON *json = json_parse_text(path.text, text, length, err);
    free(text);
    if (!json)
        return false;
    const bool ok = number_of(json, "length", &info->length)
                    && number_of(json, "created_at", &info->created_at)
                    && text_of(json, "metadata", info->metadata, sizeof info->metadata);
    text_of(json, "sha256", info->sha256, sizeof info->sha256);
    text_of(json, "key", info->key, sizeof info->key);
    cJSON_Delete(json);
    return ok || fail(err, ERR_DAMAGED, "%s is not the information of an upload", path.text);
}

/* Milliseconds, by the time of day at which the last byte came. That clock may have been wrong
 * then, or be wrong now, and while nobody could send there was no idling: there is some time in any
 * case, and never more than a fresh one has. */
static int64_t left_to_live(const Uploads *uploads, const struct stat *file)
{
    const int64_t most = uploads->config.expire_ms, least = most < LEAST_MS ? most : LEAST_MS;
    const int64_t age = time_now_ms() - (int64_t)file->st_mtim.tv_sec * 1000;
    const int64_t left = most - age;
    return left < least ? least : left > most ? most : left;
}

/* How much of it there is: on disk, whatever the machine has held back so far. */
static bool read_size(const Uploads *uploads, Upload *u, Error *err)
{
    UploadInfo *info = &u->info;
    const Path path = upload_path(uploads, info->id, "");
    struct stat file;
    const int fd = open(path.text, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return upload_fail("open", &path, err);
    const bool ok = (fstat(fd, &file) == 0 && fsync(fd) == 0) || upload_fail("fsync", &path, err);
    close(fd);
    if (!ok)
        return false;
    info->offset = (int64_t)file.st_size;
    upload_lives_on(u, left_to_live(uploads, &file));
    return (S_ISREG(file.st_mode) && info->offset <= info->length
            && (!info->sha256[0] || info->offset == info->length))
           || fail(err, ERR_DAMAGED, "%s has %" PRId64 " bytes, its length is %" PRId64, path.text,
                   info->offset, info->length);
}

static void set_aside(const Uploads *uploads, const char *name)
{
    lost_found_take(uploads->config.data, upload_path(uploads, name, "").text, name,
                    uploads->config.log);
}

static void take_upload(Uploads *uploads, const char *id)
{
    Upload *u = xcalloc(1, sizeof *u);
    Error err = {0};
    u->listed = true;
    snprintf(u->info.id, sizeof u->info.id, "%.*s", ID_LENGTH, id);
    if (read_info(uploads, &u->info, &err) && read_size(uploads, u, &err)) {
        u->taken = u->info.length;
        upload_insert(uploads, u);
        return;
    }
    LOG(uploads->config.log, LOG_WARNING, "upload_not_known", log_text("upload", id),
        log_text("error", err.message));
    free(u);
    set_aside(uploads, id);
    if (access(upload_path(uploads, id, INFO).text, F_OK) == 0) {
        char name[UPLOAD_ID + sizeof INFO];
        snprintf(name, sizeof name, "%s%s", id, INFO);
        set_aside(uploads, name);
    }
}

/* One name of the folder. */
static void settle(Uploads *uploads, const char *name)
{
    const char *rest = is_id(name) ? name + ID_LENGTH : NULL;
    char id[UPLOAD_ID];
    snprintf(id, sizeof id, "%.*s", ID_LENGTH, name);
    const bool remainder =
        rest
        && (strcmp(rest, PART) == 0 || strncmp(rest, TEMPORARY, sizeof TEMPORARY - 1) == 0
            || (strcmp(rest, INFO) == 0 && access(upload_path(uploads, id, "").text, F_OK) != 0));
    if (remainder)
        unlink(upload_path(uploads, name, "").text);
    else if (rest && !*rest)
        take_upload(uploads, name);
    else if (!rest || strcmp(rest, INFO) != 0)
        set_aside(uploads, name);
}

bool upload_files_take_stock(Uploads *uploads, Error *err)
{
    struct dirent **names;
    if (!folder_make_own(uploads->folder.text, err))
        return false;
    const int count = scandir(uploads->folder.text, &names, NULL, alphasort);
    if (count < 0)
        return upload_fail("read folder", &uploads->folder, err);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (!path_is_dots(name) && strlen(name) < 256)
            settle(uploads, name);
        free(names[i]);
    }
    free(names);
    return true;
}
