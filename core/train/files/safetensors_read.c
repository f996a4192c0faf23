#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "core/train/files/safetensors.h"
#include "core/train/files/safetensors_checksum.h"
#include "core/train/files/safetensors_foreign.h"

enum {
    MAX_HEADER = 16 << 20,  // bytes; GoogLeNet's is 20 kB
    MAX_DEPTH = 4,          // nested objects and lists: tensor entries have two levels
};

struct SafeFile {
    char *label;
    uint8_t *owned;       // the file's bytes; NULL after safetensors_parse
    const uint8_t *data;  // after the header
    void **converted;     // numbers of tensors that are of another type or not aligned, by their
                          // index; or NULL
    size_t data_size;
    bool has_checksum;
    cJSON *header;
    SafeTensor *tensors;
    size_t count, entries;
};

/* cJSON_Parse recurses as deep as the text nests, so the depth is counted first. */
static bool nests_too_deep(const char *text, size_t length)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > MAX_DEPTH)
                return true;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        }
    }
    return false;
}

static bool parse_header(SafeFile *f, const uint8_t *bytes, size_t size, Error *err)
{
    if (size < 8)
        return fail(err, ERR_INVALID, "%s is cut off: %zu bytes, a header needs more", f->label,
                    size);
    uint64_t length = 0;
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    const char *kind = safe_other_format(bytes, size);
    if (kind)
        return fail(err, ERR_INVALID, "%s is not a safetensors file: it is %s", f->label, kind);
    if (length > MAX_HEADER)
        return fail(err, ERR_INVALID,
                    "%s is not a safetensors file: its header would have %llu bytes", f->label,
                    (unsigned long long)length);
    if (length > size - 8)
        return fail(err, ERR_INVALID, "%s is cut off: the header has %llu bytes, %zu are there",
                    f->label, (unsigned long long)length, size - 8);
    const char *text = (const char *)bytes + 8;
    if (memchr(text, '\0', length) || nests_too_deep(text, length))
        return fail(err, ERR_INVALID, "%s has a damaged header: it is not plain JSON", f->label);
    const char *end = NULL;
    f->header = cJSON_ParseWithLengthOpts(text, length, &end, false);
    for (; f->header && end < text + length; end++) {
        if (*end != ' ')
            break;
    }
    if (!cJSON_IsObject(f->header) || end != text + length)
        return fail(err, ERR_INVALID, "%s has a damaged header: it is not a JSON object", f->label);
    f->data = bytes + 8 + length;
    f->data_size = size - 8 - length;
    return true;
}

/* A whole number from 0 to `max`; false if `item` is anything else. */
static bool whole_number(const cJSON *item, double max, double *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > max
        || item->valuedouble != (double)(uint64_t)item->valuedouble)
        return false;
    *value = item->valuedouble;
    return true;
}

static bool read_shape(const SafeFile *f, const cJSON *entry, SafeTensor *t, size_t *count,
                       Error *err)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape"), *dim;
    if (!cJSON_IsArray(shape))
        return fail(err, ERR_INVALID, "%s: tensor %s has no shape", f->label, t->name);
    if (cJSON_GetArraySize(shape) > GRAPH_MAX_DIMS)
        return fail(err, ERR_INVALID, "%s: tensor %s has %d dimensions, at most %d are possible",
                    f->label, t->name, cJSON_GetArraySize(shape), GRAPH_MAX_DIMS);
    *count = 1;
    cJSON_ArrayForEach(dim, shape)
    {
        double value;
        if (!whole_number(dim, INT32_MAX, &value))
            return fail(err, ERR_INVALID, "%s: tensor %s has a wrong shape", f->label, t->name);
        t->dims[t->dim_count++] = (int)value;
        // No more numbers than the file has bytes, so the product cannot overflow.
        if (value > 0 && *count > f->data_size / (size_t)value)
            return fail(err, ERR_INVALID, "%s: tensor %s is larger than the file", f->label,
                        t->name);
        *count *= (size_t)value;
    }
    return true;
}

/* The tensor's numbers where they are, or converted into memory of their own. */
static bool read_numbers(SafeFile *f, const SafeStored *stored, const uint8_t *bytes, size_t count,
                         SafeTensor *t, Error *err)
{
    const void *numbers = bytes;
    if (t->type == SAFE_OTHER)
        return true;
    if (!safe_stored_in_place(stored, bytes)) {
        f->converted[f->count] = safe_stored_convert(stored, bytes, count);
        if (!(numbers = f->converted[f->count]))
            return fail(err, ERR_NO_MEMORY, "no memory for the %zu MB of a tensor of %s",
                        count * SAFE_TYPE_INFO[t->type].bytes >> 20, f->label);
    }
    t->data = t->type == SAFE_F32 ? numbers : NULL;
    t->integers = t->type == SAFE_I64 ? numbers : NULL;
    return true;
}

static bool read_range(const SafeFile *f, const cJSON *entry, const SafeTensor *t, double *begin,
                       double *end, Error *err)
{
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    if (cJSON_GetArraySize(range) != 2 || !whole_number(cJSON_GetArrayItem(range, 0), 1e15, begin)
        || !whole_number(cJSON_GetArrayItem(range, 1), 1e15, end) || *end < *begin)
        return fail(err, ERR_INVALID, "%s: tensor %s has wrong offsets", f->label, t->name);
    if (*end > (double)f->data_size)
        return fail(err, ERR_INVALID, "%s is cut off: tensor %s ends %zu bytes behind the file",
                    f->label, t->name, (size_t)*end - f->data_size);
    return true;
}

/* Read one entry; tensors must follow one another without gap or overlap, from *offset on. */
static bool read_tensor(SafeFile *f, const cJSON *entry, size_t *offset, Error *err)
{
    SafeTensor *t = &f->tensors[f->count];
    *t = (SafeTensor){.name = entry->string};
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    if (!cJSON_IsString(dtype))
        return fail(err, ERR_INVALID, "%s: tensor %s has no type", f->label, t->name);
    const SafeStored *stored = safe_stored_find(dtype->valuestring);
    t->type = stored->type;
    t->stored_as = dtype->valuestring;
    double begin = 0, end = 0;
    if (!read_range(f, entry, t, &begin, &end, err))
        return false;
    size_t count = 0;
    if (!read_shape(f, entry, t, &count, err))
        return false;
    if (stored->bytes > 0 && (size_t)(end - begin) != count * stored->bytes)
        return fail(err, ERR_INVALID, "%s: tensor %s has %zu bytes, its shape needs %zu", f->label,
                    t->name, (size_t)(end - begin), count * stored->bytes);
    if ((size_t)begin != *offset)
        return fail(err, ERR_INVALID, "%s: tensor %s does not follow the one before it", f->label,
                    t->name);
    if (!read_numbers(f, stored, f->data + *offset, count, t, err))
        return false;
    *offset = (size_t)end;
    f->count++;
    return true;
}

static const cJSON *offset_item(const cJSON *entry)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), 0);
}

/* Entries may come in any order; their data may not leave gaps. */
static int by_offset(const void *a, const void *b)
{
    const cJSON *x = offset_item(*(const cJSON *const *)a),
                *y = offset_item(*(const cJSON *const *)b);
    const double left = x ? x->valuedouble : -1, right = y ? y->valuedouble : -1;
    return (left > right) - (left < right);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static bool check_names(const SafeFile *f, const cJSON **entries, size_t count, Error *err)
{
    qsort(entries, count, sizeof *entries, by_name);
    for (size_t i = 0; i < count; i++) {
        if (!cJSON_IsObject(entries[i]))
            return fail(err, ERR_INVALID, "%s: entry %.64s is not an object", f->label,
                        entries[i]->string);
        if (i > 0 && strcmp(entries[i]->string, entries[i - 1]->string) == 0)
            return fail(err, ERR_INVALID, "%s names tensor %.64s twice", f->label,
                        entries[i]->string);
    }
    return true;
}

static bool check_metadata(const SafeFile *f, Error *err)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(f->header, "__metadata__"), *item;
    if (metadata && !cJSON_IsObject(metadata))
        return fail(err, ERR_INVALID, "%s: __metadata__ is not an object", f->label);
    cJSON_ArrayForEach(item, metadata)
    {
        if (!cJSON_IsString(item))
            return fail(err, ERR_INVALID, "%s: metadata %.64s is not a text", f->label,
                        item->string);
    }
    return true;
}

static bool read_tensors(SafeFile *f, Error *err)
{
    const int entries_max = cJSON_GetArraySize(f->header);
    const cJSON **entries = xcalloc((size_t)entries_max, sizeof *entries);
    f->tensors = xcalloc((size_t)entries_max, sizeof *f->tensors);
    f->converted = xcalloc((size_t)entries_max, sizeof *f->converted);
    f->entries = (size_t)entries_max;
    size_t count = 0, offset = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, f->header)
    {
        if (strcmp(entry->string, "__metadata__") != 0)
            entries[count++] = entry;
    }
    bool ok = check_metadata(f, err) && check_names(f, entries, count, err);
    if (ok)
        qsort(entries, count, sizeof *entries, by_offset);
    for (size_t i = 0; ok && i < count; i++)
        ok = read_tensor(f, entries[i], &offset, err);
    if (ok && offset != f->data_size)
        ok = fail(err, ERR_INVALID, "%s has %zu bytes that belong to no tensor", f->label,
                  f->data_size - offset);
    free(entries);
    return ok;
}

static bool verify_checksum(SafeFile *f, const uint8_t *bytes, size_t size, Error *err)
{
    const char *header = (const char *)bytes + 8;
    const size_t length = size - 8 - f->data_size;
    const size_t position = checksum_position(header, length);
    f->has_checksum = position > 0;
    if (!f->has_checksum)
        return true;
    const uint32_t crc = checksum_add(checksum_header(header, length), f->data, f->data_size);
    return checksum_equal(crc, header + position)
           || fail(err, ERR_INVALID, "%s is damaged: its checksum does not match", f->label);
}

bool safetensors_parse(const char *label, const uint8_t *bytes, size_t size, SafeFile **file,
                       Error *err)
{
    SafeFile *f = xcalloc(1, sizeof *f);
    f->label = xstrdup(label);
    if (!parse_header(f, bytes, size, err) || !read_tensors(f, err)
        || !verify_checksum(f, bytes, size, err)) {
        safetensors_close(f);
        return false;
    }
    if (!f->has_checksum)
        safe_unwrap_names(f->tensors, f->count);
    *file = f;
    return true;
}

bool safetensors_open(const char *path, SafeFile **file, Error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!file_read(path, SIZE_MAX - 1, &bytes, &size, err))
        return false;
    if (!safetensors_parse(path, bytes, size, file, err)) {
        free(bytes);
        return false;
    }
    (*file)->owned = bytes;
    return true;
}

void safetensors_close(SafeFile *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->entries; i++)
        free(f->converted[i]);
    free(f->converted);
    cJSON_Delete(f->header);
    free(f->tensors);
    free(f->owned);
    free(f->label);
    free(f);
}

bool safetensors_has_checksum(const SafeFile *f)
{
    return f->has_checksum;
}

size_t safetensors_count(const SafeFile *f)
{
    return f->count;
}

const SafeTensor *safetensors_at(const SafeFile *f, size_t i)
{
    return &f->tensors[i];
}

const SafeTensor *safetensors_find(const SafeFile *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    }
    return NULL;
}

const char *safetensors_metadata(const SafeFile *f, const char *key)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(f->header, "__metadata__");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, key);
    return item ? item->valuestring : NULL;
}
