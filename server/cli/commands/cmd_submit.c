/* googlenetd submit JOB.json -- give a job to a daemon. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/job_file.h"
#include "server/cli/output.h"
#include "server/cli/remote/daemon_client.h"
#include "server/cli/server_settings.h"

typedef struct {
    ServerSettings server;
    const char *key;
    TextList sets;
} Submission;

static const Option OPTIONS[] = {
    {"set", "KEY=VALUE",
     "change a field of the job: --set optimizer.learning_rate=0.05; null takes it out",
     OPTION_LIST, .offset = offsetof(Submission, sets)},
    {"key", "KEY", "the same job submitted again under this key is not made twice", OPTION_TEXT,
     .offset = offsetof(Submission, key)},
};

static const ServerCommand COMMAND = {
    .about = "Give the job in a file (-: standard input) to a daemon: the one at --server, or the\n"
             "one that has these settings. Prints the job's id.",
    .word = "JOB.json",
    .client = true,
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
};

enum { TIMEOUT_SECONDS = 60 };

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

static int submit(const Submission *s)
{
    Error err = {0};
    DaemonAnswer answer = {0};
    char *job = NULL;
    const bool read = job_file_text(s->server.word, s->sets.items, s->sets.count, &job, &err);
    const DaemonRequest request = {.method = "POST",
                                   .path = "/v1/jobs",
                                   .body = job,
                                   .idempotency_key = s->key,
                                   .timeout_seconds = TIMEOUT_SECONDS};
    const bool answered = read && daemon_ask(&s->server.config, &request, &answer, &err);
    if (!answered)
        output_error("%s", err.message);
    cJSON *json =
        answered ? json_parse_text("answer", answer.body, strlen(answer.body), &err) : NULL;
    const char *id = json_text_at(json, "id");
    int64_t number;
    const bool taken = answered && answer.status / 100 == 2 && id && job_id_parse(id, &number);
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
    Submission s = {0};
    int exit_code;
    if (server_settings_read(&COMMAND, argc, argv, &s.server, &exit_code))
        exit_code = submit(&s);
    text_list_free(&s.sets);
    return exit_code;
}
