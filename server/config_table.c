#include "server/config_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/text/edit_distance.h"

// clang-format off
#define AT(member) offsetof(ServerConfig, member), sizeof(((ServerConfig *)0)->member)
const ServerField SERVER_FIELDS[] = {
    {"listen",              TEXT,   AT(listen), "127.0.0.1:8080", 0, 0, NULL, "address and port; beyond loopback a token is needed"},
    {"data",                TEXT,   AT(data), "data", 0, 0, NULL, "folder of everything that must last"},
    {"web",                 TEXT,   AT(web), "", 0, 0, NULL, "folder of the dashboard; none: the one that came with the program"},
    {"datasets",            TEXT,   AT(datasets), "", 0, 0, NULL, "folder with a folder per known dataset; none: the usual places"},
    {"imports",             TEXT,   AT(imports), "", 0, 0, NULL, "folder below which clients may import data sets from; none: they can only upload"},
    {"kernels",             TEXT,   AT(kernels), "", 0, 0, NULL, "file that keeps which kernels are the fastest here; none: kernels.txt in the data folder"},
    {"launcher",            TEXT,   AT(launcher), "", 0, 0, NULL, "command that starts the ranks of a job, as in mpirun -n {ranks} {program}; none: a job has one rank"},
    {"launcher_seconds",    INT,    AT(launcher_seconds), "600", 0, 604800, NULL, "that it may take until the ranks of a job have joined, or be silent later; 0: any time"},
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

const size_t SERVER_FIELD_COUNT = COUNT(SERVER_FIELDS);

/* ---- Names ---- */

void server_field_pointer(const ServerField *f, char text[SERVER_FIELD_NAME])
{
    snprintf(text, SERVER_FIELD_NAME, "/%s", f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' ? '/' : *c;
}

void server_field_variable(const ServerField *f, char text[SERVER_FIELD_NAME])
{
    snprintf(text, SERVER_FIELD_NAME, "GOOGLENETD_%s", f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

void server_field_option(const ServerField *f, char text[SERVER_FIELD_NAME])
{
    snprintf(text, SERVER_FIELD_NAME, "%s", f->name);
    for (char *c = text; *c; c++)
        *c = *c == '.' || *c == '_' ? '-' : *c;
}

const ServerField *server_field_find(const char *name, size_t length, ServerFieldName name_of)
{
    for (size_t i = 0; i < SERVER_FIELD_COUNT; i++) {
        char own[SERVER_FIELD_NAME];
        name_of(&SERVER_FIELDS[i], own);
        if (strlen(own) == length && strncmp(own, name, length) == 0)
            return &SERVER_FIELDS[i];
    }
    return NULL;
}

/* All forms of a name are the same letters, with other signs between them. */
static void plain_name(const char *name, char text[SERVER_FIELD_NAME])
{
    snprintf(text, SERVER_FIELD_NAME, "%.*s", SERVER_FIELD_NAME - 1, name);
    for (char *c = text; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
}

const ServerField *server_field_hint(const char *name)
{
    char wanted[SERVER_FIELD_NAME], own[SERVER_FIELD_NAME];
    const ServerField *nearest = NULL, *in_group = NULL;
    int others = 0;  // that groups call so
    plain_name(name, wanted);
    size_t least = edit_distance_limit(wanted);
    for (size_t i = 0; i < SERVER_FIELD_COUNT; i++) {
        const char *leaf = strchr(SERVER_FIELDS[i].name, '.');
        plain_name(SERVER_FIELDS[i].name, own);
        const size_t distance = edit_distance(wanted, own);
        if (distance < least) {
            nearest = &SERVER_FIELDS[i];
            least = distance;
        }
        if (leaf && strcmp(leaf + 1, wanted) == 0) {
            in_group = &SERVER_FIELDS[i];
            others++;
        }
    }
    return others == 1 && least > 0 ? in_group : nearest;
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

void server_field_take(const ServerField *f, const char *text, const char *where,
                       ServerConfig *config, Faults *faults)
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
