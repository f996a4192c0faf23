#include "server/api/datasets/tus.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/text/base64.h"
#include "server/http/message/headers.h"

bool tus_check_version(const Request *req, bool needed, Response *res)
{
    const char *version = request_header(req, "Tus-Resumable");
    if (version ? strcmp(version, TUS_VERSION) == 0 : !needed)
        return true;
    response_header(res, "Tus-Version", "%s", TUS_VERSION);
    return request_reject(res, 412, "tus_version", "Tus-Resumable must be %s, %s%.20s", TUS_VERSION,
                          version ? "got " : "and is not there", version ? version : "");
}

bool tus_check_type(const Request *req, Response *res)
{
    const char *type = request_header(req, "Content-Type");
    if (content_type_is(type, TUS_BODY))
        return true;
    response_header(res, "Accept", "%s", TUS_BODY);
    return request_reject(res, 415, NULL, "the body must be %s, not %.100s", TUS_BODY,
                          type ? type : "of no type");
}

bool tus_number(const Request *req, const char *name, int64_t *value, Response *res)
{
    const char *text = request_header(req, name);
    const size_t length = text ? strlen(text) : 0;
    if (length > 0 && length <= 18 && strspn(text, "0123456789") == length
        && header_list_count(req->headers, name) == 1) {
        *value = strtoll(text, NULL, 10);
        return true;
    }
    return request_reject(res, 400, NULL, "%s must be a number of bytes, %s%.40s", name,
                          text ? "got " : "and is not there", text ? text : "");
}

/* ---- Metadata ---- */

/* One "key value" up to a comma; false at the end. */
typedef struct {
    const char *key, *value;
    size_t key_length, value_length;
} Pair;

static bool next_pair(const char **at, Pair *pair)
{
    const char *p = *at + strspn(*at, " ");
    if (!*p)
        return false;
    pair->key = p;
    pair->key_length = strcspn(p, " ,");
    p += pair->key_length;
    p += strspn(p, " ");
    pair->value = p;
    pair->value_length = strcspn(p, " ,");
    p += pair->value_length;
    p += strspn(p, " ");
    *at = p + (*p == ',');
    return true;
}

/* Is it the key of an earlier pair? */
static bool came_before(const char *metadata, const Pair *pair)
{
    Pair other;
    for (const char *at = metadata; next_pair(&at, &other) && other.key < pair->key;)
        if (other.key_length == pair->key_length
            && memcmp(other.key, pair->key, pair->key_length) == 0)
            return true;
    return false;
}

static bool is_metadata(const char *metadata)
{
    Pair pair;
    for (const char *at = metadata; next_pair(&at, &pair);) {
        size_t size;
        char *value = base64_decode(pair.value, pair.value_length, &size);
        free(value);
        const bool ended = !*at || at[-1] == ',';
        if (!value || pair.key_length == 0 || !ended || came_before(metadata, &pair))
            return false;
        for (size_t i = 0; i < pair.key_length; i++)
            if (pair.key[i] <= ' ' || pair.key[i] > '~')
                return false;
    }
    return true;
}

bool tus_metadata(const Request *req, const char **metadata, Response *res)
{
    *metadata = request_header(req, "Upload-Metadata");
    if (!*metadata)
        *metadata = "";
    if (strlen(*metadata) >= UPLOAD_METADATA)
        return request_reject(res, 400, NULL, "Upload-Metadata may have %d bytes",
                              UPLOAD_METADATA - 1);
    return is_metadata(*metadata)
           || request_reject(res, 400, NULL,
                             "Upload-Metadata must be keys, each with a value in base64, separated "
                             "by commas, and no key twice");
}

char *tus_metadata_text(const char *metadata, const char *key)
{
    Pair pair;
    for (const char *at = metadata; next_pair(&at, &pair);) {
        if (pair.key_length != strlen(key) || memcmp(pair.key, key, pair.key_length) != 0)
            continue;
        size_t size = 0;
        char *text = base64_decode(pair.value, pair.value_length, &size);
        if (text && strlen(text) == size && utf8_valid(text))
            return text;
        free(text);
        return NULL;
    }
    return NULL;
}

void tus_add_headers(Response *res, const UploadInfo *info)
{
    char date[40];
    struct tm utc;
    const time_t seconds = (time_t)(info->expires_at / 1000);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &utc));
    response_header(res, "Upload-Offset", "%" PRId64, info->offset);
    response_header(res, "Upload-Length", "%" PRId64, info->length);
    response_header(res, "Upload-Expires", "%s", date);
    if (info->metadata[0])
        response_header(res, "Upload-Metadata", "%s", info->metadata);
}
