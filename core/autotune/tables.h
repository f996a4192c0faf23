/* core/autotune/tables.h -- the inside of an Autotune, for the files of this folder and tests. */
#pragma once
#include "core/autotune/autotune.h"
#include "core/autotune/machine.h"

/* The kernel of a problem. */
typedef struct {
    char key[AUTOTUNE_KEY];
    char kernel[AUTOTUNE_KERNEL];
    bool recorded;  // from a record
    bool used;      // a layer has asked for it
} KernelRow;

typedef struct {
    char kernel[AUTOTUNE_KERNEL];
    double microseconds;
} TimeRow;

/* What is known of a problem. */
typedef struct {
    char key[AUTOTUNE_KEY];
    TimeRow *times;
    int count;
    bool settled;
    int64_t measured_at;  // seconds since 1970
} MeasurementRow;

typedef struct {
    MeasurementRow *rows;
    int count;
} Measurements;

struct Autotune {
    char machine[MACHINE_TEXT];
    int64_t now;
    KernelRow *kernels;
    int kernel_count;
    Measurements measurements;
    bool unsaved;  // something was measured that the file does not have
    bool bits_may_differ;
};

KernelRow *kernels_find(const Autotune *a, const char *key);  // NULL if there is none
KernelRow *kernels_add(Autotune *a, const char *key, const char *kernel);

void measurements_free(Measurements *m);
MeasurementRow *measurements_find(const Measurements *m, const char *key);  // NULL if there is none
/* Merge a measurement: the least time of each candidate, settled if either is, the later moment. */
void measurements_add(Measurements *m, const MeasurementRow *row);

/* ---- core/autotune/text.c ---- */

/* Add a cache's measurements of `machine` to *m. What it has of other machines becomes *others
 * (from malloc, lines as they are) if that is not NULL. ERR_INVALID: the text is damaged, and
 * nothing was added. */
bool cache_read(const char *text, const char *machine, Measurements *m, char **others, Error *err);
/* The text of a cache. `others` may be NULL. From malloc. */
char *cache_write(const Measurements *m, const char *machine, const char *others);
