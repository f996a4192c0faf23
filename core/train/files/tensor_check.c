#include "core/train/files/tensor_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/memory.h"

void mismatch(Mismatches *m, const char *tensor, const char *fmt, ...)
{
    char one[TENSOR_FAULT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(one, sizeof one, fmt, args);
    va_end(args);
    if (m->tell)
        m->tell(m->context, tensor, one);
    const char *joint = m->count++ > 0 ? "; " : "";
    if (m->left_out > 0 || m->used + strlen(joint) + strlen(one) >= sizeof m->text)
        m->left_out++;
    else
        m->used += (size_t)sprintf(m->text + m->used, "%s%s", joint, one);
}

bool mismatches_fail(const Mismatches *m, const char *path, Error *err)
{
    if (m->left_out == 0)
        return fail(err, ERR_INVALID, "%s is of another network: %s", path, m->text);
    return fail(err, ERR_INVALID, "%s is of another network: %s%sand %d more", path, m->text,
                m->used > 0 ? "; " : "", m->left_out);
}

enum { DIMS_TEXT = 16 * GRAPH_MAX_DIMS };

/* "64x1x7x7" */
static const char *dims_text(const int *dims, int count, char text[DIMS_TEXT])
{
    int at = snprintf(text, DIMS_TEXT, "%s", count == 0 ? "a number" : "");
    for (int d = 0; d < count; d++)
        at += snprintf(text + at, DIMS_TEXT - (size_t)at, "%s%d", d ? "x" : "", dims[d]);
    return text;
}

bool tensor_fits(const SafeFile *f, const char *name, const Param *p, char why[TENSOR_FAULT])
{
    const SafeTensor *t = safetensors_find(f, name);
    const SafeType type = p->role == ROLE_COUNTER ? SAFE_I64 : SAFE_F32;
    bool equal = t && t->dim_count == p->dim_count;
    for (int d = 0; equal && d < p->dim_count; d++)
        equal = t->dims[d] == p->dims[d];
    char has[DIMS_TEXT], needs[DIMS_TEXT];
    if (!t)
        snprintf(why, TENSOR_FAULT, "there is no tensor %s", name);
    else if (!equal)
        snprintf(why, TENSOR_FAULT, "tensor %s is %s, not %s", name,
                 dims_text(t->dims, t->dim_count, has), dims_text(p->dims, p->dim_count, needs));
    else if (t->type != type)
        snprintf(why, TENSOR_FAULT, "tensor %s is %.16s, not %s", name,
                 t->type == SAFE_OTHER ? t->stored_as : SAFE_TYPE_INFO[t->type].name,
                 SAFE_TYPE_INFO[type].name);
    return equal && t->type == type;
}

/* Files of version 0.1.0 and before have the checksum of their tensors alone, in the metadata. */
static bool check_sum_of_tensors(const SafeFile *f, const char *path, Error *err)
{
    const char *want = safetensors_metadata(f, "crc32");
    if (!want)
        return true;
    uLong crc = crc32_z(0, NULL, 0);
    for (size_t i = 0; i < safetensors_count(f); i++) {
        const SafeTensor *t = safetensors_at(f, i);
        crc = crc32_z(crc, (const Bytef *)t->data, safetensors_numbers(t) * sizeof(float));
    }
    char *got = xasprintf("%08" PRIx32, (uint32_t)crc);
    const bool equal = strcmp(want, got) == 0;
    free(got);
    return equal || fail(err, ERR_INVALID, "%s is damaged: its checksum does not match", path);
}

static bool check_finite(const SafeTensor *t, const char *path, Error *err)
{
    const size_t count = safetensors_numbers(t);
    for (size_t i = 0; t->type == SAFE_F32 && i < count; i++)
        if (!isfinite(t->data[i]))
            return fail(err, ERR_INVALID, "%s has a number in tensor %s that is %s", path, t->name,
                        isnan(t->data[i]) ? "NaN" : "infinite");
    return true;
}

bool tensors_sound(const SafeFile *f, const char *path, Error *err)
{
    if (!check_sum_of_tensors(f, path, err))
        return false;
    for (size_t i = 0; i < safetensors_count(f); i++)
        if (!check_finite(safetensors_at(f, i), path, err))
            return false;
    return true;
}
