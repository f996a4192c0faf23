/* The body of a request that creates a data set. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/files/path.h"
#include "core/base/text.h"
#include "core/data/decode/image_spec.h"
#include "server/api/datasets/json_dataset.h"
#include "server/api/labels.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/data/intake/split.h"

static const double MAX_SEED = 9007199254740991;

typedef struct {
    DatasetRow *set;
    Faults *faults;
} Reader;

typedef struct {
    const char *pointer;
    void (*read)(Reader *r, const char *pointer, const cJSON *item);
} Member;

static void read_object(Reader *r, const char *pointer, const cJSON *json, const Member *members);

/* A string of 1 to size - 1 bytes without control characters. */
static bool plain_text(Reader *r, const char *pointer, const cJSON *item, size_t size)
{
    char expected[64];
    snprintf(expected, sizeof expected, "a string of 1 to %zu bytes", size - 1);
    if (!cJSON_IsString(item) || !item->valuestring[0] || strlen(item->valuestring) >= size) {
        fault_expected(r->faults, pointer, expected, item);
        return false;
    }
    const bool plain = utf8_valid(item->valuestring) && !text_has_control(item->valuestring);
    if (!plain)
        faults_add(r->faults, pointer, "must be UTF-8 free of control characters");
    return plain;
}

/* Nobody sees a blank at the end of a name, and no path can have "." or ".." for one. */
static bool can_be_told(const char *name)
{
    const size_t length = strlen(name);
    return name[0] != ' ' && name[length - 1] != ' ' && !path_is_dots(name);
}

/* A job names its set by id or name: names of ours may not look like ids, nor like folders. */
static void read_name(Reader *r, const char *pointer, const cJSON *item)
{
    int64_t id;
    if (!plain_text(r, pointer, item, sizeof r->set->name))
        return;
    if (dataset_id_parse(item->valuestring, &id) || dataset_find(item->valuestring))
        faults_add(r->faults, pointer, "must not be the id of a data set, got %s",
                   item->valuestring);
    else if (strchr(item->valuestring, '/'))
        faults_add(r->faults, pointer, "must be without a slash, got %s", item->valuestring);
    else if (!can_be_told(item->valuestring))
        faults_add(r->faults, pointer,
                   "must be without blanks at its ends, and not . or .., got \"%s\"",
                   item->valuestring);
    else
        snprintf(r->set->name, sizeof r->set->name, "%s", item->valuestring);
}

static void read_source_text(Reader *r, const char *pointer, const cJSON *item)
{
    if (r->set->source.kind[0]) {
        faults_add(r->faults, "/source", "must be a folder or an upload, not both");
    } else if (plain_text(r, pointer, item, sizeof r->set->source.what)) {
        snprintf(r->set->source.kind, sizeof r->set->source.kind, "%s", item->string);
        snprintf(r->set->source.what, sizeof r->set->source.what, "%s", item->valuestring);
    }
}

static void read_source(Reader *r, const char *pointer, const cJSON *item)
{
    static const Member MEMBERS[] = {
        {"/source/folder", read_source_text}, {"/source/upload", read_source_text}, {NULL, NULL}};
    if (cJSON_IsNull(item))
        return;
    read_object(r, pointer, item, MEMBERS);
    if (cJSON_IsObject(item) && !item->child)
        faults_add(r->faults, pointer, "must have a folder or an upload");
}

static bool whole_number(Reader *r, const char *pointer, const cJSON *item, double least,
                         double most, double *number)
{
    if (json_number_value(item, number) && *number >= least && *number <= most
        && *number == floor(*number))
        return true;
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", least, most);
    fault_expected(r->faults, pointer, expected, item);
    return false;
}

static void read_channels(Reader *r, const char *pointer, const cJSON *item)
{
    double number;
    if (json_number_value(item, &number) && (number == 1 || number == 3))
        r->set->image.channels = (int)number;
    else
        fault_expected(r->faults, pointer, "1 (grey) or 3 (colour)", item);
}

static void read_size(Reader *r, const char *pointer, const cJSON *item)
{
    double number;
    if (whole_number(r, pointer, item, IMAGE_SIZE_MIN, IMAGE_SIZE_MAX, &number))
        r->set->image.size = (int)number;
}

static void read_fit(Reader *r, const char *pointer, const cJSON *item)
{
    Fit fit;
    if (cJSON_IsString(item) && fit_from_name(item->valuestring, &fit))
        snprintf(r->set->image.fit, sizeof r->set->image.fit, "%s", fit_name(fit));
    else
        fault_expected(r->faults, pointer, "\"crop\", \"pad\" or \"stretch\"", item);
}

static void read_filter(Reader *r, const char *pointer, const cJSON *item)
{
    Filter filter;
    if (cJSON_IsString(item) && filter_from_name(item->valuestring, &filter))
        snprintf(r->set->image.filter, sizeof r->set->image.filter, "%s", filter_name(filter));
    else
        fault_expected(r->faults, pointer, "\"bilinear\" or \"bicubic\"", item);
}

static void read_image(Reader *r, const char *pointer, const cJSON *item)
{
    static const Member MEMBERS[] = {{"/image/channels", read_channels},
                                     {"/image/size", read_size},
                                     {"/image/fit", read_fit},
                                     {"/image/filter", read_filter},
                                     {NULL, NULL}};
    read_object(r, pointer, item, MEMBERS);
}

static void read_test_share(Reader *r, const char *pointer, const cJSON *item)
{
    double number;
    char expected[40];
    snprintf(expected, sizeof expected, "a number from 0 to %g", SPLIT_MAX_SHARE);
    if (json_number_value(item, &number) && number >= 0 && number <= SPLIT_MAX_SHARE)
        r->set->test_share = number;
    else
        fault_expected(r->faults, pointer, expected, item);
}

static void read_seed(Reader *r, const char *pointer, const cJSON *item)
{
    double number;
    if (whole_number(r, pointer, item, 0, MAX_SEED, &number))
        r->set->seed = (int64_t)number;
}

static void read_object(Reader *r, const char *pointer, const cJSON *json, const Member *members)
{
    if (!cJSON_IsObject(json)) {
        fault_expected(r->faults, pointer, "an object", json);
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        char inner[sizeof r->faults->items[0].pointer];
        snprintf(inner, sizeof inner, "%s", pointer);
        pointer_append(inner, sizeof inner, item->string);
        const Member *member = members;
        while (member->pointer && strcmp(member->pointer, inner) != 0)
            member++;
        if (!member->pointer)
            faults_add(r->faults, inner, "is not a known field");
        else if (json_given_twice(json, item))
            faults_add(r->faults, inner, "is given twice");
        else
            member->read(r, inner, item);
    }
}

void dataset_from_json(const cJSON *json, DatasetRow *set, Faults *faults)
{
    static const Member MEMBERS[] = {{"/name", read_name},   {"/source", read_source},
                                     {"/image", read_image}, {"/test_share", read_test_share},
                                     {"/seed", read_seed},   {NULL, NULL}};
    const ImageSpec image = image_spec_default();
    *set = (DatasetRow){.test_share = SPLIT_DEFAULT_SHARE,
                        .image = {.channels = image.channels, .size = image.size}};
    snprintf(set->image.fit, sizeof set->image.fit, "%s", fit_name(image.fit));
    snprintf(set->image.filter, sizeof set->image.filter, "%s", filter_name(image.filter));
    Reader reader = {set, faults};
    read_object(&reader, "", json, MEMBERS);
    if (cJSON_IsObject(json) && !cJSON_HasObjectItem(json, "name"))
        faults_add(faults, "/name", "is missing: what is the data set called?");
}

bool dataset_labels_from_json(cJSON *labels, DatasetRow *set, Faults *faults)
{
    // A set's name has rules of its own.
    cJSON *name = cJSON_DetachItemFromObjectCaseSensitive(labels, "name");
    Reader reader = {set, faults};
    if (name)
        read_name(&reader, "/name", name);
    else
        faults_add(faults, "/name", "must be there: a data set has a name");
    cJSON_Delete(name);
    return labels_read(labels, NULL, 0, &set->metadata, faults);
}
