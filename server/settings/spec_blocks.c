/* server/settings/spec_blocks.c -- the channels of Inception blocks, as a job may give them:
 * {"2.0": [64, [96, 128], [16, 32], 32], ...}, in the order of the chapter's Inception(c1, c2, c3,
 * c4). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/files/model_info.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"

/* Where the channels stand in a block's array: index, and index within it or -1. */
typedef struct {
    int path, step;
    size_t offset;
} Place;

#define AT(member) offsetof(Inception, member)
static const Place PLACES[] = {
    {0, -1, AT(c1)},   {1, 0, AT(c2[0])}, {1, 1, AT(c2[1])},
    {2, 0, AT(c3[0])}, {2, 1, AT(c3[1])}, {3, -1, AT(c4)},
};
#undef AT

enum { PLACE_COUNT = COUNT(PLACES), POINTER = sizeof(Fault){0}.pointer };

static int *channels_at(Inception *c, const Place *p)
{
    return (int *)((char *)c + p->offset);
}

/* Whether an array has the form of a block: two of its four entries are arrays of two. */
static bool has_form(const cJSON *block)
{
    if (!cJSON_IsArray(block) || cJSON_GetArraySize(block) != 4)
        return false;
    for (int path = 0; path < 4; path++) {
        const cJSON *entry = cJSON_GetArrayItem(block, path);
        const bool pair = path == 1 || path == 2;
        if (cJSON_IsArray(entry) != pair || (pair && cJSON_GetArraySize(entry) != 2))
            return false;
    }
    return true;
}

/* "/blocks/2.0/1/0" */
static void place_pointer(const char *block, const Place *p, char pointer[POINTER])
{
    snprintf(pointer, POINTER, "%s", block);
    pointer_append(pointer, POINTER, (char[]){(char)('0' + p->path), '\0'});
    if (p->step >= 0)
        pointer_append(pointer, POINTER, (char[]){(char)('0' + p->step), '\0'});
}

static bool read_channels(const cJSON *block, const char *pointer, Inception *c, Faults *faults)
{
    const int before = faults->count;
    for (int i = 0; i < PLACE_COUNT; i++) {
        const Place *p = &PLACES[i];
        char at[POINTER];
        const cJSON *entry = cJSON_GetArrayItem(block, p->path);
        double value;
        place_pointer(pointer, p, at);
        const cJSON *number = p->step < 0 ? entry : cJSON_GetArrayItem(entry, p->step);
        if (!json_number_value(number, &value) || value != floor(value))
            fault_expected(faults, at, "a whole number", number);
        else if (value < 1 || value > MODEL_MAX_BLOCK_CHANNELS)
            faults_add(faults, at, "must be 1 to %d, got %.16g", MODEL_MAX_BLOCK_CHANNELS, value);
        else
            *channels_at(c, p) = (int)value;
    }
    return faults->count == before;
}

static void read_block(const Field *f, const cJSON *object, const cJSON *block, SpecReader *r)
{
    char pointer[POINTER];
    snprintf(pointer, sizeof pointer, "%s", f->pointer);
    pointer_append(pointer, sizeof pointer, block->string);
    InceptionBlock read = {.channels = {0}};
    if (json_given_twice(object, block))
        faults_add(r->faults, pointer, "is given twice");
    else if (strlen(block->string) >= MODEL_BLOCK_NAME)
        faults_add(r->faults, pointer, "is not the name of a block");
    else if (!has_form(block))
        fault_expected(r->faults, pointer, "channels like [64, [96, 128], [16, 32], 32]", block);
    else {
        snprintf(read.name, sizeof read.name, "%s", block->string);
        if (read_channels(block, pointer, &read.channels, r->faults))
            r->spec->blocks.items[r->spec->blocks.count++] = read;
    }
}

static void blocks_read(const Field *f, const cJSON *item, SpecReader *r)
{
    if (!cJSON_IsObject(item)) {
        fault_expected(r->faults, f->pointer, "an object of blocks by name", item);
        return;
    }
    const int count = cJSON_GetArraySize(item);
    if (count > MODEL_MAX_BLOCKS) {
        faults_add(r->faults, f->pointer, "must have at most %d entries, got %d", MODEL_MAX_BLOCKS,
                   count);
        return;
    }
    const cJSON *block;
    cJSON_ArrayForEach(block, item)
    {
        read_block(f, item, block, r);
    }
}

static cJSON *blocks_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    return blocks_to_json(&spec->blocks);
}

const FieldKind FIELD_BLOCKS = {"blocks", blocks_read, blocks_write, NULL};

void spec_check_blocks(const JobSpec *spec, Faults *faults)
{
    const BlockList own = model_blocks(spec->network);
    char names[MODEL_MAX_BLOCKS * (MODEL_BLOCK_NAME + 2)] = "";
    size_t used = 0;
    for (int i = 0; i < own.count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 own.items[i].name);
    for (int i = 0; i < spec->blocks.count; i++) {
        char pointer[POINTER] = "/blocks";
        pointer_append(pointer, sizeof pointer, spec->blocks.items[i].name);
        if (own.count == 0)
            faults_add(faults, pointer, "means nothing: %s has no such blocks",
                       spec->network->name);
        else if (!block_find(&own, spec->blocks.items[i].name))
            faults_add(faults, pointer, "is not a block of %s; those are %s", spec->network->name,
                       names);
    }
}
