#include "server/launch/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

enum { MAX_LINE = 16 << 20 };

static const char KIND[] = "googlenetd";

static const char *const EVENT_NAMES[] = {
    [TRAIN_STEP] = "step",
    [TRAIN_POINT] = "point",
    [TRAIN_PART] = "part",
    [TRAIN_EPOCH] = "epoch",
    [TRAIN_CHECKPOINT] = "checkpoint",
    [TRAIN_CHECKPOINT_FAILED] = "checkpoint_failed",
    [TRAIN_KERNELS] = "kernels",
    [TRAIN_INITIALIZED] = "initialized",
    [TRAIN_RESUMED] = "resumed",
    [TRAIN_END] = "end",
};

const char *const REPORT_ANSWER_NAMES[REPORT_ANSWERS] = {
    [TRAIN_GO_ON] = "go_on",
    [TRAIN_CHECKPOINT_NOW] = "again",
    [TRAIN_STOP] = "end",
};

static const char *const WORDS[] = {
    [REPORT_HELLO] = "hello", [REPORT_READY] = "ready",   [REPORT_ALIVE] = "alive",
    [REPORT_SAVED] = "saved", [REPORT_FAILED] = "failed", [REPORT_STOPPED] = "stopped",
    [REPORT_DONE] = "done",
};

/* The numbers of an event. */
static const struct {
    const char *name;
    enum { WHOLE, REAL, FLAG } kind;
    size_t offset;
} MEMBERS[] = {
#define AT(member) offsetof(TrainEvent, member)
    {"step", WHOLE, AT(step)},
    {"total_steps", WHOLE, AT(total_steps)},
    {"epoch", WHOLE, AT(epoch)},
    {"epoch_position", REAL, AT(epoch_position)},
    {"loss", REAL, AT(loss)},
    {"accuracy", REAL, AT(accuracy)},
    {"learning_rate", REAL, AT(learning_rate)},
    {"step_examples", WHOLE, AT(step_examples)},
    {"examples_per_second", REAL, AT(examples_per_second)},
    {"train_seconds", REAL, AT(train_seconds)},
    {"total_seconds", REAL, AT(total_seconds)},
    {"evaluated", FLAG, AT(evaluated)},
    {"validated", FLAG, AT(validated)},
    {"tested", FLAG, AT(tested)},
    {"validation_loss", REAL, AT(validation_loss)},
    {"validation_accuracy", REAL, AT(validation_accuracy)},
    {"test_loss", REAL, AT(test_loss)},
    {"test_accuracy", REAL, AT(test_accuracy)},
    {"test_top5_accuracy", REAL, AT(test_top5_accuracy)},
    {"test_seconds", REAL, AT(test_seconds)},
    {"best", FLAG, AT(best)},
#undef AT
};

/* ---- Writing ---- */

static cJSON *report_of(const char *kind)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, KIND, kind);
    return json;
}

static void add_numbers(cJSON *json, const TrainEvent *event)
{
    for (size_t i = 0; i < COUNT(MEMBERS); i++) {
        const void *at = (const char *)event + MEMBERS[i].offset;
        if (MEMBERS[i].kind == WHOLE)
            json_add_count(json, MEMBERS[i].name, *(const int64_t *)at);
        else if (MEMBERS[i].kind == REAL)
            json_add_real(json, MEMBERS[i].name, *(const double *)at);
        else
            cJSON_AddBoolToObject(json, MEMBERS[i].name, *(const bool *)at);
    }
}

static void add_error(cJSON *json, const Error *err)
{
    json_add_count(json, "code", err->code);
    cJSON_AddStringToObject(json, "message", err->message);
}

static void add_skipped(cJSON *json, const ResumeReport *resumed)
{
    cJSON *skipped = cJSON_AddArrayToObject(json, "skipped");
    for (int i = 0; resumed && i < resumed->skipped_count; i++)
        cJSON_AddItemToArray(skipped, cJSON_CreateString(resumed->skipped[i].why.message));
}

static void add_tensors(cJSON *json, const TransferReport *transfer)
{
    cJSON *tensors = cJSON_AddArrayToObject(json, "tensors");
    for (int i = 0; transfer && i < transfer->count; i++) {
        cJSON *tensor = cJSON_CreateObject();
        cJSON_AddStringToObject(tensor, "name", transfer->tensors[i].name);
        if (!transfer->tensors[i].taken)
            json_add_text(tensor, "why", transfer->tensors[i].why);
        cJSON_AddBoolToObject(tensor, "taken", transfer->tensors[i].taken);
        cJSON_AddItemToArray(tensors, tensor);
    }
    cJSON_AddBoolToObject(json, "head_taken", transfer && transfer->head_taken);
    json_add_count(json, "superfluous", transfer ? transfer->superfluous : 0);
}

char *report_event_line(const TrainEvent *event, const Trainer *trainer)
{
    cJSON *json = report_of(EVENT_NAMES[event->type]);
    add_numbers(json, event);
    if (event->note)
        cJSON_AddStringToObject(json, "note", event->note);
    if (event->kernels)
        cJSON_AddStringToObject(json, "kernels", event->kernels);
    if (event->error)
        add_error(json, event->error);
    if (event->type == TRAIN_END)
        json_add_count(json, "ending", event->ending);
    if (event->type == TRAIN_RESUMED)
        add_skipped(json, trainer_resume(trainer));
    if (event->type == TRAIN_INITIALIZED)
        add_tensors(json, trainer_transfer(trainer));
    return json_take_text(json);
}

char *report_hello_line(int ranks)
{
    cJSON *json = report_of(WORDS[REPORT_HELLO]);
    cJSON_AddStringToObject(json, "version", GOOGLENETD_VERSION);
    json_add_count(json, "ranks", ranks);
    return json_take_text(json);
}

char *report_ready_line(const TrainState *where, int64_t epoch_steps)
{
    cJSON *json = report_of(WORDS[REPORT_READY]);
    json_add_count(json, "epoch_steps", epoch_steps);
    cJSON_AddStringToObject(json, "cpu", where->cpu);
    cJSON_AddStringToObject(json, "cpu_isa", where->cpu_isa);
    cJSON_AddStringToObject(json, "onednn", where->onednn);
    cJSON_AddStringToObject(json, "version", where->version);
    json_add_count(json, "threads", where->threads);
    return json_take_text(json);
}

char *report_failed_line(const Error *err)
{
    cJSON *json = report_of(WORDS[REPORT_FAILED]);
    add_error(json, err);
    return json_take_text(json);
}

char *report_word_line(const char *word)
{
    return json_take_text(report_of(word));
}

/* ---- Reading ---- */

static const cJSON *member(const Report *r, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(r->json, name);
}

static void copy_text(const Report *r, const char *name, char text[CHECKPOINT_TEXT])
{
    const char *value = json_text_at(r->json, name);
    snprintf(text, CHECKPOINT_TEXT, "%s", value ? value : "");
}

static int64_t whole_of(const Report *r, const char *name)
{
    const double value = json_number_at(r->json, name, NAN);
    return value >= -0x1p53 && value <= 0x1p53 ? (int64_t)value : 0;
}

static void read_numbers(Report *r)
{
    for (size_t i = 0; i < COUNT(MEMBERS); i++) {
        void *at = (char *)&r->event + MEMBERS[i].offset;
        if (MEMBERS[i].kind == WHOLE)
            *(int64_t *)at = whole_of(r, MEMBERS[i].name);
        else if (MEMBERS[i].kind == REAL)
            *(double *)at = json_number_at(r->json, MEMBERS[i].name, NAN);
        else
            *(bool *)at = cJSON_IsTrue(member(r, MEMBERS[i].name));
    }
}

static void read_error(Report *r)
{
    const char *message = json_text_at(r->json, "message");
    const int64_t code = whole_of(r, "code");
    const bool known = code > ERR_NONE && code <= ERR_STOPPED;
    fail(&r->error, known ? (ErrorCode)code : ERR_IO, "%s", message ? message : "");
}

static void read_skipped(Report *r)
{
    const cJSON *list = member(r, "skipped"), *item;
    const int count = cJSON_GetArraySize(list);
    r->resumed.skipped = xcalloc((size_t)count + 1, sizeof *r->resumed.skipped);
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item))
            fail(&r->resumed.skipped[r->resumed.skipped_count++].why, ERR_DAMAGED, "%s",
                 item->valuestring);
    }
}

static void read_tensors(Report *r)
{
    const cJSON *list = member(r, "tensors"), *item;
    TransferReport *t = &r->transfer;
    t->tensors = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *t->tensors);
    cJSON_ArrayForEach(item, list)
    {
        const char *name = json_text_at(item, "name"), *why = json_text_at(item, "why");
        const bool taken = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "taken"));
        t->tensors[t->count++] = (TransferTensor){
            .name = xstrdup(name ? name : ""), .taken = taken, .why = why ? xstrdup(why) : NULL};
        t->taken += taken;
    }
    t->head_taken = cJSON_IsTrue(member(r, "head_taken"));
    t->superfluous = (int)whole_of(r, "superfluous");
}

static void read_event(Report *r, TrainEventType type)
{
    r->type = REPORT_EVENT;
    read_numbers(r);
    r->event.type = type;
    r->event.note = json_text_at(r->json, "note");
    r->event.kernels = json_text_at(r->json, "kernels");
    if (type == TRAIN_CHECKPOINT_FAILED) {
        read_error(r);
        r->event.error = &r->error;
    } else if (type == TRAIN_RESUMED) {
        read_skipped(r);
    } else if (type == TRAIN_INITIALIZED) {
        read_tensors(r);
    } else if (type == TRAIN_END) {
        const int64_t ending = whole_of(r, "ending");
        const bool known = ending > ENDING_NONE && ending <= ENDING_EARLY_STOPPING;
        r->event.ending = known ? (Ending)ending : ENDING_COMPLETED;
    }
}

static void read_word(Report *r, ReportType type)
{
    r->type = type;
    if (type == REPORT_HELLO) {
        r->ranks = (int)whole_of(r, "ranks");
    } else if (type == REPORT_FAILED) {
        read_error(r);
    } else if (type == REPORT_READY) {
        r->epoch_steps = whole_of(r, "epoch_steps");
        copy_text(r, "cpu", r->where.cpu);
        copy_text(r, "cpu_isa", r->where.cpu_isa);
        copy_text(r, "onednn", r->where.onednn);
        copy_text(r, "version", r->where.version);
        r->where.threads = (int)whole_of(r, "threads");
    }
}

void report_read(const char *line, Report *r)
{
    static const char START[] = "{\"googlenetd\":\"";
    Error unimportant = {0};
    *r = (Report){.type = REPORT_OTHER};
    if (strncmp(line, START, strlen(START)) != 0)
        return;
    r->json = json_parse_long("a report", line, strlen(line), MAX_LINE, &unimportant);
    const char *kind = json_text_at(r->json, KIND);
    for (size_t i = 0; kind && i < COUNT(EVENT_NAMES); i++)
        if (strcmp(kind, EVENT_NAMES[i]) == 0)
            read_event(r, (TrainEventType)i);
    for (size_t i = 0; kind && i < COUNT(WORDS); i++)
        if (WORDS[i] && strcmp(kind, WORDS[i]) == 0)
            read_word(r, (ReportType)i);
}

bool report_is_framed(const char *line)
{
    return strstr(line, "{\"googlenetd\":\"hello\"") != NULL;
}

void report_free(Report *r)
{
    free(r->resumed.skipped);
    transfer_report_free(&r->transfer);
    cJSON_Delete(r->json);
    *r = (Report){.type = REPORT_OTHER};
}
