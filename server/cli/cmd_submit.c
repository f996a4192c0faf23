/* googlenetd submit JOB.json -- give a job to the daemon that has these settings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands.h"
#include "server/cli/daemon_client.h"
#include "server/cli/server_settings.h"

static const char ABOUT[] =
    "Give the job in a file (-: standard input) to the daemon that has these settings:\n"
    "googlenetd submit JOB.json [--key KEY] [OPTION ...]. Prints the job's id. With --key,\n"
    "the same job submitted again under the same key is not made twice.";

enum { PATIENCE = 60 };

/* The whole of a job file, with a final NUL; NULL with *err. */
static char *read_file(const char *path, Error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file) {
        fail(err, ERR_IO, "open %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = xcalloc(JSON_MAX_BYTES + 1, 1);
    const size_t length = fread(text, 1, JSON_MAX_BYTES, file);
    if (ferror(file))
        fail(err, ERR_IO, "read %s: %s", path, strerror(errno));
    else if (memchr(text, '\0', length))
        fail(err, ERR_INVALID, "%s is no JSON: it has a NUL in it", path);
    if (file != stdin)
        fclose(file);
    if (err->code == ERR_NONE)
        return text;
    free(text);
    return NULL;
}

static const char *text_of(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* The problem in sentences. */
static void print_problem(const DaemonAnswer *answer, const cJSON *json)
{
    const char *detail = text_of(json, "detail");
    const cJSON *fault, *faults = cJSON_GetObjectItemCaseSensitive(json, "errors");
    fprintf(stderr, "googlenetd: the job was not taken, %d: %s\n", answer->status,
            detail ? detail : "the answer is not the daemon's");
    cJSON_ArrayForEach(fault, faults)
    {
        const char *pointer = text_of(fault, "pointer"), *what = text_of(fault, "detail");
        fprintf(stderr, "googlenetd: %s: %s\n", pointer ? pointer : "", what ? what : "");
    }
}

static int submit(const ServerConfig *config, const char *path, const char *key)
{
    Error err = {0};
    DaemonAnswer answer = {0};
    char *job = read_file(path, &err);
    const DaemonRequest request = {.method = "POST",
                                   .path = "/v1/jobs",
                                   .body = job,
                                   .idempotency_key = key,
                                   .patience_seconds = PATIENCE};
    const bool answered = job && daemon_ask(config, &request, &answer, &err);
    if (!answered)
        fprintf(stderr, "googlenetd: %s\n", err.message);
    cJSON *json =
        answered ? json_parse_text("answer", answer.body, strlen(answer.body), &err) : NULL;
    const char *id = text_of(json, "id");
    const bool taken = answered && answer.status / 100 == 2 && id;
    if (taken)
        printf("%s\n", id);
    else if (answered)
        print_problem(&answer, json);
    cJSON_Delete(json);
    daemon_answer_free(&answer);
    free(job);
    return taken ? EXIT_OK : EXIT_FAILED;
}

/* Take "--key KEY" or "--key=KEY" out of the arguments. */
static const char *take_key(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        const bool joined = strncmp(argv[i], "--key=", 6) == 0;
        if (!joined && (strcmp(argv[i], "--key") != 0 || i + 1 == *argc))
            continue;
        const char *key = joined ? argv[i] + 6 : argv[i + 1];
        const int words = joined ? 1 : 2;
        memmove(argv + i, argv + i + words, (size_t)(*argc - i - words) * sizeof *argv);
        *argc -= words;
        return key;
    }
    return NULL;
}

int cmd_submit(int argc, char **argv)
{
    ServerConfig config;
    int exit_code;
    const char *file = argc > 1 && (argv[1][0] != '-' || !argv[1][1]) ? argv[1] : NULL;
    if (file) {
        argv[1] = argv[0];
        argv++, argc--;
    }
    const char *key = take_key(&argc, argv);
    if (!server_settings_read(argc, argv, ABOUT, &config, &exit_code))
        return exit_code;
    if (file)
        return submit(&config, file, key);
    fprintf(stderr, "googlenetd: submit needs a job file before its options\n");
    return EXIT_USAGE;
}
