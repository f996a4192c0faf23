/* core/autotune/autotune.h -- which kernel computes each problem: measured once, recorded,
 * repeated.
 *
 * A problem is what a layer has to compute, down to batch size, types and threads; a line of text
 * says all of it and is the problem's key. An Autotune is the two tables of one run:
 *
 *   kernels        key -> the kernel that this run uses. An entry never changes: programs rely on
 *                  it. Its text is the run's *record*. Checkpoints, run folders and jobs keep the
 *                  record, and a resume, a repeat or a clone that is given it computes with the
 *                  same kernels and hence the same bits.
 *   measurements   key -> the least time of each candidate. Its text is the *autotune cache*, a
 *                  file that trainings on this machine share, so that only the first one measures.
 *
 * Interference from other processes only ever makes a kernel look slower, so least times of several
 * measurements can be merged, in any order and by any number of writers. A measurement whose times
 * did not settle is believed for AUTOTUNE_RETRY_SECONDS; the next run after that measures again.
 * Both tables hold for one machine: core/autotune/machine.h.
 *
 * Use      Autotune *a = autotune_new();
 *          autotune_load(a, cache_path, &note);        // not fatal: it will be measured again
 *          autotune_use_record(a, record, &err);       // if there is one
 *          ... net_prepare fixes a kernel for every problem, measuring where it must ...
 *          autotune_save(a, cache_path, &note);
 *          char *record = autotune_record(a);
 *          if (autotune_bits_may_differ(a)) ...        // a kernel of the record was not available
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"

typedef struct Autotune Autotune;

enum {
    AUTOTUNE_KEY = 192,             // bytes of a key, with the final NUL
    AUTOTUNE_KERNEL = 48,           // ... of a kernel's name
    AUTOTUNE_MAX_CANDIDATES = 32,   // kernels for one problem
    AUTOTUNE_MAX_PROBLEMS = 4096,   // in a text
    AUTOTUNE_RETRY_SECONDS = 3600,  // how long a measurement that did not settle is believed
};

/* Empty tables for this machine and this moment. */
Autotune *autotune_new(void);
void autotune_free(Autotune *a);  // takes NULL

/* ---- For layers ---- */

/* The kernel for `key`: the one in use or recorded, else the fastest of a measurement that is
 * believed, which is in use from then on. NULL: measure, then call autotune_decide. */
const char *autotune_kernel(Autotune *a, const char *key);

/* A kernel that autotune_kernel named cannot be made here: forget it. */
void autotune_reject(Autotune *a, const char *key);

/* A candidate and the least time it took. */
typedef struct {
    const char *kernel;
    double microseconds;
} AutotuneTime;

/* Add a measurement and use the fastest candidate; returns its name. `settled`: interference is
 * unlikely to have decided. 1 to AUTOTUNE_MAX_CANDIDATES times. */
const char *autotune_decide(Autotune *a, const char *key, const AutotuneTime *times, int count,
                            bool settled);

/* Use this kernel: a test wants it, or autotune_decide. A key that has one keeps it. */
void autotune_fix(Autotune *a, const char *key, const char *kernel);

/* ---- The record ---- */

/* The kernels in use as text, a line each. From malloc. */
char *autotune_record(const Autotune *a);
int autotune_count(const Autotune *a);  // of the kernels in use

/* Take over the kernels of a record. One of another machine or version is passed over: its kernels
 * are measured anew. ERR_INVALID: the text is no record; nothing of it is taken. Either way
 * autotune_bits_may_differ says so. */
bool autotune_use_record(Autotune *a, const char *text, Error *err);

/* Whether a record was given that could not be followed in everything that was asked for. */
bool autotune_bits_may_differ(const Autotune *a);

/* ---- The autotune cache ---- */

/* Add the measurements of a file. One that is not there is like an empty one. False, with the
 * reason, if it cannot be read or is damaged: nothing of it is taken, and the run can go on. */
bool autotune_load(Autotune *a, const char *path, Error *err);

/* Merge the measurements into the file, under a lock (<path>.lock), so that two writers lose
 * nothing. Measurements of other machines in it are kept, a damaged file is replaced. Does nothing
 * if nothing was measured since the last load or save. ERR_IO: the file is as it was. */
bool autotune_save(Autotune *a, const char *path, Error *err);
