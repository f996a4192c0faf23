/* googlenetd submit JOB.json -- give a job to the daemon that has these settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/input.h"
#include "server/cli/output.h"
#include "server/cli/remote/daemon_client.h"
#include "server/cli/server_settings.h"

static const ServerCommand COMMAND = {
    .about = "Give the job in a file (-: standard input) to the daemon that has these settings.\n"
             "Prints the job's id.",
    .word = "JOB.json",
    .option = {"key", "KEY", "the same job submitted again under this key is not made twice"},
};

enum { TIMEOUT_SECONDS = 60 };

/* The whole of a job file. */
static bool read_job(const char *path, char **text, Error *err)
{
    size_t length = 0;
    if (!input_text(path, JSON_MAX_BYTES, text, &length, err))
        return false;
    return strlen(*text) == length
           || fail(err, ERR_INVALID, "%s is no JSON: it has a NUL in it", path);
}

/* The problem in sentences; the detail is that of a single fault. */
static void print_problem(const DaemonAnswer *answer, const cJSON *json)
{
    const char *detail = json_text_at(json, "detail");
    const cJSON *fault, *faults = cJSON_GetObjectItemCaseSensitive(json, "errors");
    output_error("the job was not taken, %d: %s", answer->status,
                 detail ? detail : "the answer is not the daemon's");
    if (cJSON_GetArraySize(faults) <= 1)
        return;
    cJSON_ArrayForEach(fault, faults)
    {
        const char *pointer = json_text_at(fault, "pointer"), *why = json_text_at(fault, "detail");
        output_error("%s%s%s", pointer ? pointer : "", pointer ? ": " : "", why ? why : "");
    }
}

static int submit(const ServerConfig *config, const char *path, const char *key)
{
    Error err = {0};
    DaemonAnswer answer = {0};
    char *job = NULL;
    const bool read = read_job(path, &job, &err);
    const DaemonRequest request = {.method = "POST",
                                   .path = "/v1/jobs",
                                   .body = job,
                                   .idempotency_key = key,
                                   .timeout_seconds = TIMEOUT_SECONDS};
    const bool answered = read && daemon_ask(config, &request, &answer, &err);
    if (!answered)
        output_error("%s", err.message);
    cJSON *json =
        answered ? json_parse_text("answer", answer.body, strlen(answer.body), &err) : NULL;
    const char *id = json_text_at(json, "id");
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

int cmd_submit(int argc, char **argv)
{
    ServerSettings settings;
    int exit_code;
    if (!server_settings_read(&COMMAND, argc, argv, &settings, &exit_code))
        return exit_code;
    return submit(&settings.config, settings.word, settings.option);
}
