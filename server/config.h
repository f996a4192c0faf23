/* server/config.h -- how the daemon is set up.
 *
 * Each field has one name from which the others follow: in the file "limits":{"body_bytes":...}, in
 * the environment GOOGLENETD_LIMITS_BODY_BYTES, as a flag --limits-body-bytes. A flag overrides
 * the environment, that the file, and that the default. All faults are named at once.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/faults.h"
#include "server/base/log.h"

typedef struct {
    char listen[128];           // "127.0.0.1:8080", "[::1]:8080"; port 0: any free one
    char data[PATH_MAX];        // folder of everything that must last: "data"
    char web[PATH_MAX];         // folder of the dashboard's files; "": none is served
    char datasets[PATH_MAX];    // folder with a folder per known dataset; "": the default places
    char imports[PATH_MAX];     // folder below which data sets may be imported; "": none
    char kernels[PATH_MAX];     // path of the autotune cache; "": kernels.txt in `data`
    char launcher[1024];        // of jobs with several ranks: launcher.h; "": there are none
    int launcher_seconds;       // of silence that a launcher may keep, also at its start; 0: any
    char hosts[512];            // names, with commas between, that clients call this daemon by
    char token_file[PATH_MAX];  // first line: the bearer token; "": none
    char token[256];            // read from there, or GOOGLENETD_TOKEN, which overrides; "": none
    char read_token_file[PATH_MAX];  // the same for a token that may only read
    char read_token[256];            // ... or GOOGLENETD_READ_TOKEN
    int workers;                     // jobs at a time: 1
    int threads;                     // of all workers together; 0: the cores this process may use
    int import_processes;            // that decode pictures: 0: as many as threads
    int predict_threads;             // that compute predictions; 0: as many as threads
    int predict_processes;           // that decode pictures for predictions; 0: as many as threads
    int http_threads;                // that serve sockets: 2
    int http_handlers;  // threads that read for clients, that write, and that take files: 4 of each
    int ready_fd;       // the address goes there once it listens; 0: nowhere
    int checkpoint_seconds;  // a running job is saved at least this often; 0: by epochs only
    struct {
        int body_bytes;               // of one request: 1 MiB
        int connections;              // in all: 1024
        int connections_per_address;  // 256
        int request_seconds;          // from its first byte to its last: 30
        int idle_seconds;             // that a connection may be silent between two requests: 60
        int heartbeat_seconds;        // until a silent stream gets a comment: 15
        int waiting_requests;    // for a thread that reads, and as many for one that writes: 256
        int streams;             // event streams at a time: 128
        int jobs;                // stored at a time: 10000
        int uploads;             // files that were or are being sent: 64
        int upload_connections;  // bodies that are received at a time: 16
        int upload_bytes_per_second;  // that a client must bring on the whole: 1024
        int upload_idle_seconds;      // that an upload is kept after its last byte: a day
        int64_t upload_bytes;         // of one upload: 64 GiB
        int64_t datasets_bytes;       // of all data sets and uploads; 0: what the disk has
        int datasets;                 // sets stored at a time: 1000
        int models;                   // versions of models stored at a time: 10000
        int predict_bytes;            // of a request to predict: 16 MiB
        int predictions;              // requests to predict that are under way at a time: 64
        int predict_seconds;          // that one may wait: 10
        int64_t models_bytes;         // of memory, of models that stay loaded: 1 GiB
        int models_idle_seconds;      // after which one that nobody uses leaves: 600
        int evaluations;              // stored at a time, beside those of jobs' ends: 10000
    } limits;
    struct {
        LogLevel level;    // "info"
        LogFormat format;  // "text"
    } log;
} ServerConfig;

/* A value from the command line, under the option's name without its dashes: "limits-jobs". */
typedef struct {
    const char *name, *value;
} ConfigFlag;

/* Where a field's value is looked for. The file is what `file` or else GOOGLENETD_CONFIG names,
 * else config/server.json if there is one. */
typedef struct {
    const char *file;         // NULL: none was named
    const ConfigFlag *flags;  // the last one of a name counts
    int flag_count;
    char *const *environment;  // as environ
} ConfigSources;

/* False if there are faults; the pointer of a fault is the name as it was given: "/limits/streams",
 * "GOOGLENETD_LISTEN", "--data". Beyond loopback a token is needed. */
bool config_read(const ConfigSources *sources, ServerConfig *config, Faults *faults);

/* All fields as a file has them; no tokens. */
cJSON *config_to_json(const ServerConfig *config);

/* {"body_bytes":1048576,...}: all of config->limits, by their names. */
cJSON *config_limits_to_json(const ServerConfig *config);

/* The fields as options of a command, for its parser and its --help. */
typedef struct {
    char name[48];   // "limits-jobs"
    char value[8];   // "N" or "TEXT"
    char help[192];  // meaning, default and range
} ConfigOption;

int config_option_count(void);
ConfigOption config_option(int i);
