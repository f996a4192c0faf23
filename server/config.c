/* DESIGN. The table below is all there is to know of a field. Every source, be it JSON, environment
 * or flag, comes down to a name and a text, and one function puts the text into the field or adds a
 * fault. Sources are applied from the weakest to the strongest.
 */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/files.h"
#include "server/base/json/json_text.h"
#include "server/launch/launcher.h"
#include "server/listen_address.h"
#include "server/mpi/ranks.h"

static const char DEFAULT_FILE[] = "config/server.json";
static const char PREFIX[] = "GOOGLENETD_";

typedef struct {
    const char *name;  // "limits.body_bytes"
    enum { TEXT, INT, CHOICE } kind;
    size_t offset, size;  // in ServerConfig
    const char *fallback;
    long min, max;             // of INT
    const char *const *names;  // of CHOICE
    const char *about;
} ServerField;

// clang-format off
#define AT(member) offsetof(ServerConfig, member), sizeof(((ServerConfig *)0)->member)
static const ServerField FIELDS[] = {
    {"listen",              TEXT,   AT(listen), "127.0.0.1:8080", 0, 0, NULL, "address and port; beyond loopback a token is needed"},
    {"data",                TEXT,   AT(data), "data", 0, 0, NULL, "folder of everything that must last"},
    {"web",                 TEXT,   AT(web), "", 0, 0, NULL, "folder of the dashboard; none: the one that came with the program"},
    {"datasets",            TEXT,   AT(datasets), "", 0, 0, NULL, "folder with a folder per known dataset; none: the usual places"},
    {"imports",             TEXT,   AT(imports), "", 0, 0, NULL, "folder below which clients may import data sets from; none: they can only upload"},
    {"kernels",             TEXT,   AT(kernels), "", 0, 0, NULL, "file that keeps which kernels are the fastest here; none: kernels.txt in the data folder"},
    {"launcher",            TEXT,   AT(launcher), "", 0, 0, NULL, "command that starts the ranks of a job, as in mpirun -n {ranks} {program}; none: a job has one rank"},
    {"token_file",          TEXT,   AT(token_file), "", 0, 0, NULL, "file whose first line is the bearer token"},
    {"read_token_file",     TEXT,   AT(read_token_file), "", 0, 0, NULL, "file whose first line is a token that may only read"},
    {"hosts",               TEXT,   AT(hosts), "", 0, 0, NULL, "names, with commas between, that clients call this daemon by, behind a proxy, say"},
    {"workers",             INT,    AT(workers), "1", 1, 64, NULL, "jobs that train at a time"},
    {"threads",             INT,    AT(threads), "0", 0, 1024, NULL, "cores for all of them together; 0: those this process may use"},
    {"import_processes",    INT,    AT(import_processes), "0", 0, 256, NULL, "that decode pictures for an import; 0: as many as threads"},
    {"predict_threads",     INT,    AT(predict_threads), "0", 0, 1024, NULL, "that compute predictions side by side; 0: as many as threads. Each that has to help holds the net of a model once more"},
    {"predict_processes",   INT,    AT(predict_processes), "0", 0, 256, NULL, "that decode pictures for predictions; 0: as many as threads"},
    {"http_threads",        INT,    AT(http_threads), "2", 1, 64, NULL, "that serve sockets"},
    {"http_handlers",       INT,    AT(http_handlers), "4", 1, 64, NULL, "threads that read for clients, as many that write, and as many that take files"},
    {"ready_fd",            INT,    AT(ready_fd), "0", 0, 1023, NULL, "descriptor to write the address to once clients are served; 0: none"},
    {"checkpoint_seconds",  INT,    AT(checkpoint_seconds), "300", 0, 86400, NULL, "jobs that set none are saved at least this often; 0: by epochs only"},
    {"limits.body_bytes",   INT,    AT(limits.body_bytes), "1048576", 1024, 1 << 20, NULL, "of one request"},
    {"limits.connections",  INT,    AT(limits.connections), "1024", 1, 65536, NULL, "at a time"},
    {"limits.connections_per_address", INT, AT(limits.connections_per_address), "256", 1, 65536, NULL, "at a time"},
    {"limits.request_seconds", INT, AT(limits.request_seconds), "30", 1, 3600, NULL, "from a request's first byte to its last"},
    {"limits.idle_seconds", INT,    AT(limits.idle_seconds), "60", 1, 3600, NULL, "that a connection may be silent between two requests"},
    {"limits.heartbeat_seconds", INT, AT(limits.heartbeat_seconds), "15", 1, 3600, NULL, "after which a silent event stream gets a comment"},
    {"limits.waiting_requests", INT, AT(limits.waiting_requests), "256", 1, 65536, NULL, "that wait for a thread that reads, and as many for one that writes"},
    {"limits.streams",      INT,    AT(limits.streams), "128", 1, 65536, NULL, "event streams at a time"},
    {"limits.jobs",         INT,    AT(limits.jobs), "10000", 1, 1000000, NULL, "stored at a time"},
    {"limits.uploads",      INT,    AT(limits.uploads), "64", 1, 10000, NULL, "files that were sent, or are being sent, and not used yet"},
    {"limits.upload_connections", INT, AT(limits.upload_connections), "16", 1, 1024, NULL, "that bring a file at a time"},
    {"limits.upload_bytes_per_second", INT, AT(limits.upload_bytes_per_second), "1024", 1, 1 << 30, NULL, "that a client with a file must bring on the whole"},
    {"limits.upload_idle_seconds", INT, AT(limits.upload_idle_seconds), "86400", 1, 31536000, NULL, "that an unfinished or unused upload is kept after its last byte"},
    {"limits.upload_bytes", INT,    AT(limits.upload_bytes), "68719476736", 1, 1L << 50, NULL, "of one upload"},
    {"limits.datasets_bytes", INT,  AT(limits.datasets_bytes), "0", 0, 1L << 50, NULL, "of all data sets and uploads; 0: what the disk has"},
    {"limits.datasets",     INT,    AT(limits.datasets), "1000", 1, 1000000, NULL, "stored at a time"},
    {"limits.models",       INT,    AT(limits.models), "10000", 1, 1000000, NULL, "versions of models stored at a time"},
    {"limits.predict_bytes", INT,   AT(limits.predict_bytes), "16777216", 1024, 1 << 26, NULL, "of one request to predict"},
    {"limits.predictions",  INT,    AT(limits.predictions), "64", 1, 1024, NULL, "requests to predict that are under way at a time"},
    {"limits.predict_seconds", INT, AT(limits.predict_seconds), "10", 1, 3600, NULL, "that a request to predict may wait for its turn"},
    {"limits.models_bytes", INT,    AT(limits.models_bytes), "1073741824", 0, 1L << 50, NULL, "of memory, of models that stay loaded for predictions"},
    {"limits.models_idle_seconds", INT, AT(limits.models_idle_seconds), "600", 1, 31536000, NULL, "after which a loaded model that nobody uses leaves"},
    {"limits.evaluations",  INT,    AT(limits.evaluations), "10000", 1, 1000000, NULL, "stored at a time; those at the end of trainings come on top"},
    {"log.level",           CHOICE, AT(log.level), "info", 0, 0, LOG_LEVEL_NAMES, "error, warning, info, request or debug"},
    {"log.format",          CHOICE, AT(log.format), "text", 0, 0, LOG_FORMAT_NAMES, "text or json"},
};
#undef AT
// clang-format on

/* ---- Names ---- */

enum { NAME = 64 };

/* "limits.body_bytes" as "/limits/body_bytes", "GOOGLENETD_LIMITS_BODY_BYTES",
 * "limits-body-bytes". */
static void pointer_name(const ServerField *f, char text[NAME])
{
    snprintf(text, NAME, "/%s", f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' ? '/' : *c;
}

static void environment_name(const ServerField *f, char text[NAME])
{
    snprintf(text, NAME, "%s%s", PREFIX, f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static void option_name(const ServerField *f, char text[NAME])
{
    snprintf(text, NAME, "%s", f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' || *c == '_' ? '-' : *c;
}

typedef void (*NameOf)(const ServerField *f, char text[NAME]);

static const ServerField *find_field(const char *name, size_t length, NameOf name_of)
{
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        char own[NAME];
        name_of(&FIELDS[i], own);
        if (strlen(own) == length && strncmp(own, name, length) == 0)
            return &FIELDS[i];
    }
    return NULL;
}

/* ---- One value ---- */

static void take_int(const ServerField *f, const char *text, const char *where, void *place,
                     Faults *faults)
{
    char *end;
    errno = 0;
    const long number = strtol(text, &end, 10);
    if (!*text || *end || errno || number < f->min || number > f->max)
        faults_add(faults, where, "must be a whole number from %ld to %ld, got \"%.40s\"", f->min,
                   f->max, text);
    else if (f->size == sizeof(int64_t))
        *(int64_t *)place = number;
    else
        *(int *)place = (int)number;
}

static void take_choice(const ServerField *f, const char *text, const char *where, void *value,
                        Faults *faults)
{
    for (int i = 0; f->names[i]; i++) {
        if (strcmp(f->names[i], text) == 0) {
            memcpy(value, &i, sizeof i);  // an enum that counts from 0
            return;
        }
    }
    faults_add(faults, where, "must be %s, got \"%.40s\"", f->about, text);
}

static void take(const ServerField *f, const char *text, const char *where, ServerConfig *config,
                 Faults *faults)
{
    void *place = (char *)config + f->offset;
    switch (f->kind) {
    case INT:
        take_int(f, text, where, place, faults);
        break;
    case CHOICE:
        take_choice(f, text, where, place, faults);
        break;
    case TEXT:
        if (strlen(text) >= f->size)
            faults_add(faults, where, "must have fewer than %zu bytes", f->size);
        else
            strcpy(place, text);
        break;
    }
}

/* ---- The file ---- */

static void take_json(const cJSON *item, const char *pointer, ServerConfig *config, Faults *faults)
{
    const ServerField *f = find_field(pointer, strlen(pointer), pointer_name);
    double number;
    if (!f) {
        faults_add(faults, pointer, "is not a known field");
    } else if (f->kind != INT && cJSON_IsString(item)) {
        take(f, item->valuestring, pointer, config, faults);
    } else if (f->kind == INT && json_number_value(item, &number)) {
        char text[40];
        snprintf(text, sizeof text, "%.17g", number);
        take(f, text, pointer, config, faults);
    } else {
        faults_add(faults, pointer, "must be %s", f->kind == INT ? "a whole number" : "a string");
    }
}

static bool is_group(const char *pointer)
{
    return strcmp(pointer, "/limits") == 0 || strcmp(pointer, "/log") == 0;
}

static void take_object(const cJSON *object, const char *pointer, ServerConfig *config,
                        Faults *faults)
{
    if (!cJSON_IsObject(object)) {
        faults_add(faults, pointer, "must be an object");
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char inner[160];
        snprintf(inner, sizeof inner, "%s/%.100s", pointer, item->string);
        if (json_given_twice(object, item))
            faults_add(faults, inner, "is given twice");
        else if (is_group(inner))
            take_object(item, inner, config, faults);
        else
            take_json(item, inner, config, faults);
    }
}

static void take_file(const char *path, ServerConfig *config, Faults *faults)
{
    Error err = {0};
    size_t length = 0;
    char *text = NULL;
    cJSON *json = file_text(path, JSON_MAX_BYTES, &text, &length, &err)
                      ? json_parse_text(path, text, length, &err)
                      : NULL;
    if (!json)
        faults_add(faults, "", "%s", err.message);
    else if (cJSON_IsObject(json))
        take_object(json, "", config, faults);
    else
        faults_add(faults, "", "%s must be an object", path);
    cJSON_Delete(json);
    free(text);
}

/* ---- Environment and flags ---- */

static const char *environment_value(char *const *environment, const char *name)
{
    const size_t length = strlen(name);
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    }
    return NULL;
}

static void take_environment(char *const *environment, ServerConfig *config, Faults *faults)
{
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        char name[NAME];
        environment_name(&FIELDS[i], name);
        const char *value = environment_value(environment, name);
        if (value)
            take(&FIELDS[i], value, name, config, faults);
    }
}

static const char *find_file(const ConfigSources *sources)
{
    const char *named = environment_value(sources->environment, "GOOGLENETD_CONFIG");
    if (sources->file || (named && *named))
        return sources->file ? sources->file : named;
    return access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
}

static void take_flags(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    for (int i = 0; i < sources->flag_count; i++) {
        const ConfigFlag *flag = &sources->flags[i];
        const ServerField *f = find_field(flag->name, strlen(flag->name), option_name);
        char where[NAME + 2];
        snprintf(where, sizeof where, "--%s", flag->name);
        if (f)
            take(f, flag->value, where, config, faults);
        else
            faults_add(faults, where, "is not a known flag");
    }
}

/* ---- What concerns several fields ---- */

enum { TOKEN_SIZE = sizeof(((ServerConfig *)0)->token) };

static void take_token(const char *value, const char *where, char token[TOKEN_SIZE], Faults *faults)
{
    const size_t length = strcspn(value, "\r\n");
    snprintf(token, TOKEN_SIZE, "%.*s", (int)length, value);
    for (const char *c = token; *c; c++) {
        if (!isgraph((unsigned char)*c)) {
            faults_add(faults, where, "must be a token of visible ASCII characters");
            return;
        }
    }
    if (length == 0 || length >= TOKEN_SIZE)
        faults_add(faults, where, "must hold a token of 1 to %d characters", TOKEN_SIZE - 1);
}

/* A token from the variable of that name, else from the file, if there is one. */
typedef struct {
    const char *variable, *file, *pointer;
} TokenSource;

static void find_token(const ConfigSources *sources, TokenSource from, char token[TOKEN_SIZE],
                       Faults *faults)
{
    const char *value = environment_value(sources->environment, from.variable);
    if (value) {
        take_token(value, from.variable, token, faults);
    } else if (from.file[0]) {
        Error err = {0};
        char *text = NULL;
        if (file_text(from.file, JSON_MAX_BYTES, &text, NULL, &err))
            take_token(text, from.pointer, token, faults);
        else
            faults_add(faults, from.pointer, "%s", err.message);
        free(text);
    }
}

static void find_tokens(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    const TokenSource full = {"GOOGLENETD_TOKEN", config->token_file, "/token_file"};
    const TokenSource read = {"GOOGLENETD_READ_TOKEN", config->read_token_file, "/read_token_file"};
    find_token(sources, full, config->token, faults);
    find_token(sources, read, config->read_token, faults);
    if (!config->read_token[0])
        return;
    if (!config->token[0])
        faults_add(faults, read.pointer,
                   "a token that may only read needs one that may write: set "
                   "token_file or GOOGLENETD_TOKEN");
    else if (strcmp(config->token, config->read_token) == 0)
        faults_add(faults, read.pointer, "must be another token than the one that may write");
}

static void check_listen(const ServerConfig *config, Faults *faults)
{
    Error err = {0};
    ListenAddress address;
    if (!listen_address_parse(config->listen, &address, &err))
        faults_add(faults, "/listen", "%s", err.message);
    else if (!address.loopback && !config->token[0])
        faults_add(faults, "/listen",
                   "%s is beyond this machine, which needs a token: set token_file or "
                   "GOOGLENETD_TOKEN",
                   config->listen);
}

/* A faulty one is a fault, and one that this program cannot use as well. */
static void check_launcher(const ServerConfig *config, Faults *faults)
{
    Error err = {0};
    if (!config->launcher[0])
        return;
    if (!launcher_check(config->launcher, &err))
        faults_add(faults, "/launcher", "%s", err.message);
    else if (!ranks_available())
        faults_add(faults, "/launcher", "needs MPI, and this googlenetd was built without it");
}

bool config_read(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    const int before = faults->count;
    *config = (ServerConfig){0};
    for (size_t i = 0; i < COUNT(FIELDS); i++)
        take(&FIELDS[i], FIELDS[i].fallback, FIELDS[i].name, config, faults);
    const char *file = find_file(sources);
    if (file)
        take_file(file, config, faults);
    take_environment(sources->environment, config, faults);
    take_flags(sources, config, faults);
    find_tokens(sources, config, faults);
    check_listen(config, faults);
    check_launcher(config, faults);
    return faults->count == before;
}

int config_option_count(void)
{
    return (int)COUNT(FIELDS);
}

ConfigOption config_option(int i)
{
    const ServerField *f = &FIELDS[i];
    ConfigOption o = {0};
    char name[NAME];
    option_name(f, name);
    snprintf(o.name, sizeof o.name, "%.*s", (int)sizeof o.name - 1, name);
    snprintf(o.value, sizeof o.value, "%s", f->kind == INT ? "N" : "TEXT");
    if (f->kind == INT)
        snprintf(o.help, sizeof o.help, "%s (%s; %ld to %ld)", f->about, f->fallback, f->min,
                 f->max);
    else if (f->fallback[0])
        snprintf(o.help, sizeof o.help, "%s (%s)", f->about, f->fallback);
    else
        snprintf(o.help, sizeof o.help, "%s", f->about);
    return o;
}

cJSON *config_limits_to_json(const ServerConfig *config)
{
    static const char LIMITS[] = "limits.";
    const size_t n = sizeof LIMITS - 1;
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        const ServerField *f = &FIELDS[i];
        const void *place = (const char *)config + f->offset;
        if (strncmp(f->name, LIMITS, n) == 0)
            cJSON_AddNumberToObject(json, f->name + n,
                                    f->size == sizeof(int) ? (double)*(const int *)place
                                                           : (double)*(const int64_t *)place);
    }
    return json;
}
