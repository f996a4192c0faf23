#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/files/atomic_file.h"
#include "core/base/memory.h"
#include "core/train/files/safetensors.h"
#include "core/train/files/safetensors_checksum.h"

size_t safetensors_numbers(const SafeTensor *t)
{
    size_t count = 1;
    for (int d = 0; d < t->dim_count; d++)
        count *= (size_t)t->dims[d];
    return count;
}

const SafeTypeInfo SAFE_TYPE_INFO[SAFE_TYPES] = {
    [SAFE_F32] = {"F32", sizeof(float)},
    [SAFE_I64] = {"I64", sizeof(int64_t)},
    [SAFE_OTHER] = {"of another type", 0},
};

size_t safetensors_bytes(const SafeTensor *t)
{
    return safetensors_numbers(t) * SAFE_TYPE_INFO[t->type].bytes;
}

static const void *numbers_of(const SafeTensor *t)
{
    return t->type == SAFE_I64 ? (const void *)t->integers : t->data;
}

static void add_tensor(cJSON *header, const SafeTensor *t, size_t begin, size_t end)
{
    const double offsets[] = {(double)begin, (double)end};
    cJSON *entry = cJSON_AddObjectToObject(header, t->name);
    cJSON_AddStringToObject(entry, "dtype", SAFE_TYPE_INFO[t->type].name);
    cJSON_AddItemToObject(entry, "shape", cJSON_CreateIntArray(t->dims, t->dim_count));
    cJSON_AddItemToObject(entry, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
}

/* The header as text, padded with spaces so that the data behind it starts at a multiple of 8. */
static char *header_text(const SafeTensor *tensors, size_t tensor_count, const SafeMeta *metadata,
                         size_t metadata_count)
{
    cJSON *header = cJSON_CreateObject();
    cJSON *entries = cJSON_AddObjectToObject(header, "__metadata__");
    cJSON_AddStringToObject(entries, CHECKSUM_KEY, CHECKSUM_ZEROS);
    for (size_t i = 0; i < metadata_count; i++)
        cJSON_AddStringToObject(entries, metadata[i].key, metadata[i].value);
    size_t offset = 0;
    for (size_t i = 0; i < tensor_count; i++) {
        const size_t end = offset + safetensors_bytes(&tensors[i]);
        add_tensor(header, &tensors[i], offset, end);
        offset = end;
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    if (!text)
        return NULL;
    const size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    text = xrealloc(text, padded + 1, 1);
    memset(text + length, ' ', padded - length);
    text[padded] = '\0';
    return text;
}

static void set_checksum(char *header, const SafeTensor *tensors, size_t count)
{
    const size_t length = strlen(header);
    uint32_t crc = checksum_header(header, length);
    for (size_t i = 0; i < count; i++)
        crc = checksum_add(crc, numbers_of(&tensors[i]), safetensors_bytes(&tensors[i]));
    checksum_write(crc, header + checksum_position(header, length));
}

/* Those of the widest type come first. */
static SafeTensor *aligned_order(const SafeTensor *tensors, size_t count)
{
    SafeTensor *order = xcalloc(count, sizeof *order);
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (tensors[i].type == SAFE_I64)
            order[at++] = tensors[i];
    for (size_t i = 0; i < count; i++)
        if (tensors[i].type != SAFE_I64)
            order[at++] = tensors[i];
    return order;
}

static bool write_tensors(const char *path, const SafeTensor *tensors, size_t tensor_count,
                          const SafeMeta *metadata, size_t metadata_count, Error *err)
{
    char *header = header_text(tensors, tensor_count, metadata, metadata_count);
    if (!header)
        return fail(err, ERR_NO_MEMORY, "no memory for the header of %s", path);
    set_checksum(header, tensors, tensor_count);
    AtomicFile *f = NULL;
    bool ok = atomic_file_open(path, &f, err);
    if (ok) {
        const uint64_t length = strlen(header);
        uint8_t prefix[8];
        for (int i = 0; i < 8; i++)
            prefix[i] = (uint8_t)(length >> (8 * i));
        ok = atomic_file_write(f, prefix, sizeof prefix, err)
             && atomic_file_write(f, header, length, err);
        for (size_t i = 0; ok && i < tensor_count; i++)
            ok = atomic_file_write(f, numbers_of(&tensors[i]), safetensors_bytes(&tensors[i]), err);
        if (ok)
            ok = atomic_file_commit(f, err);
        else
            atomic_file_cancel(f);
    }
    free(header);
    return ok;
}

bool safetensors_write(const char *path, const SafeTensor *tensors, size_t tensor_count,
                       const SafeMeta *metadata, size_t metadata_count, Error *err)
{
    SafeTensor *order = aligned_order(tensors, tensor_count);
    const bool ok = write_tensors(path, order, tensor_count, metadata, metadata_count, err);
    free(order);
    return ok;
}
