#include "core/autotune/autotune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/autotune/tables.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"

Autotune *autotune_new(void)
{
    Autotune *a = xcalloc(1, sizeof *a);
    const Machine here = machine_here();
    machine_text(&here, a->machine);
    a->now = (int64_t)time(NULL);
    return a;
}

void autotune_free(Autotune *a)
{
    if (!a)
        return;
    measurements_free(&a->measurements);
    free(a->kernels);
    free(a);
}

/* ---- Kernels in use ---- */

KernelRow *kernels_find(const Autotune *a, const char *key)
{
    for (int i = 0; i < a->kernel_count; i++) {
        if (strcmp(a->kernels[i].key, key) == 0)
            return &a->kernels[i];
    }
    return NULL;
}

KernelRow *kernels_add(Autotune *a, const char *key, const char *kernel)
{
    INVARIANT(strlen(key) < AUTOTUNE_KEY && strlen(kernel) < AUTOTUNE_KERNEL);
    a->kernels = xrealloc(a->kernels, (size_t)a->kernel_count + 1, sizeof *a->kernels);
    KernelRow *row = &a->kernels[a->kernel_count++];
    *row = (KernelRow){0};
    snprintf(row->key, sizeof row->key, "%s", key);
    snprintf(row->kernel, sizeof row->kernel, "%s", kernel);
    return row;
}

static const TimeRow *fastest(const MeasurementRow *m)
{
    const TimeRow *best = &m->times[0];
    for (int i = 1; i < m->count; i++) {
        if (m->times[i].microseconds < best->microseconds)
            best = &m->times[i];
    }
    return best;
}

/* A moment in the future is a clock that was set back. */
static bool is_believed(const Autotune *a, const MeasurementRow *m)
{
    const int64_t age = a->now - m->measured_at;
    return m->settled || (age >= 0 && age < AUTOTUNE_RETRY_SECONDS);
}

const char *autotune_kernel(Autotune *a, const char *key)
{
    KernelRow *row = kernels_find(a, key);
    const MeasurementRow *m = measurements_find(&a->measurements, key);
    if (!row && m && is_believed(a, m))
        row = kernels_add(a, key, fastest(m)->kernel);
    if (!row)
        return NULL;
    row->used = true;
    return row->kernel;
}

void autotune_fix(Autotune *a, const char *key, const char *kernel)
{
    if (!kernels_find(a, key))
        kernels_add(a, key, kernel)->used = true;
}

void autotune_reject(Autotune *a, const char *key)
{
    KernelRow *row = kernels_find(a, key);
    MeasurementRow *m = measurements_find(&a->measurements, key);
    if (row) {
        a->bits_may_differ |= row->recorded;
        *row = a->kernels[--a->kernel_count];
    }
    if (m) {
        free(m->times);
        *m = a->measurements.rows[--a->measurements.count];
    }
}

const char *autotune_decide(Autotune *a, const char *key, const AutotuneTime *times, int count,
                            bool settled)
{
    INVARIANT(count >= 1 && count <= AUTOTUNE_MAX_CANDIDATES);
    TimeRow rows[AUTOTUNE_MAX_CANDIDATES] = {0};
    for (int i = 0; i < count; i++) {
        snprintf(rows[i].kernel, sizeof rows[i].kernel, "%s", times[i].kernel);
        rows[i].microseconds = times[i].microseconds;
    }
    MeasurementRow row = {.times = rows, .count = count, .settled = settled, .measured_at = a->now};
    snprintf(row.key, sizeof row.key, "%s", key);
    measurements_add(&a->measurements, &row);
    a->unsaved = true;
    // Least times of earlier measurements count, but only a candidate of this one is available.
    const MeasurementRow *all = measurements_find(&a->measurements, key);
    const TimeRow *best = NULL;
    for (int i = 0; i < all->count; i++) {
        bool available = false;
        for (int k = 0; k < count; k++)
            available |= strcmp(all->times[i].kernel, times[k].kernel) == 0;
        if (available && (!best || all->times[i].microseconds < best->microseconds))
            best = &all->times[i];
    }
    autotune_fix(a, key, best->kernel);
    return autotune_kernel(a, key);
}

int autotune_count(const Autotune *a)
{
    int count = 0;
    for (int i = 0; i < a->kernel_count; i++)
        count += a->kernels[i].used;
    return count;
}

bool autotune_bits_may_differ(const Autotune *a)
{
    return a->bits_may_differ;
}

/* ---- Measurements ---- */

void measurements_free(Measurements *m)
{
    for (int i = 0; i < m->count; i++)
        free(m->rows[i].times);
    free(m->rows);
    *m = (Measurements){0};
}

MeasurementRow *measurements_find(const Measurements *m, const char *key)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp(m->rows[i].key, key) == 0)
            return &m->rows[i];
    }
    return NULL;
}

static void add_time(MeasurementRow *row, const TimeRow *time)
{
    for (int i = 0; i < row->count; i++) {
        TimeRow *known = &row->times[i];
        if (strcmp(known->kernel, time->kernel) != 0)
            continue;
        if (time->microseconds < known->microseconds)
            known->microseconds = time->microseconds;
        return;
    }
    if (row->count == AUTOTUNE_MAX_CANDIDATES)
        return;  // kernels of that many names do not exist: a file was made by hand
    row->times = xrealloc(row->times, (size_t)row->count + 1, sizeof *row->times);
    row->times[row->count++] = *time;
}

void measurements_add(Measurements *m, const MeasurementRow *row)
{
    MeasurementRow *known = measurements_find(m, row->key);
    if (!known) {
        m->rows = xrealloc(m->rows, (size_t)m->count + 1, sizeof *m->rows);
        known = &m->rows[m->count++];
        *known = (MeasurementRow){.measured_at = row->measured_at};
        memcpy(known->key, row->key, sizeof known->key);
    }
    for (int i = 0; i < row->count; i++)
        add_time(known, &row->times[i]);
    known->settled |= row->settled;
    if (row->measured_at > known->measured_at)
        known->measured_at = row->measured_at;
}
