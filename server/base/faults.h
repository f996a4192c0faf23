/* server/base/faults.h -- all that is wrong with an input, each fault with the place where it is.
 *
 * A reader of settings, queries or bodies collects every fault before it refuses, so that a client
 * can correct them in one go. Places are JSON pointers (RFC 6901) or the names of parameters.
 * Texts are cut back to whole UTF-8 characters, and control characters are replaced.
 */
#pragma once
#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { FAULTS_MAX = 64 };

/* One fault: where, and what is wrong: {"/batch_size", "must be 1 to 4096, got 0", NULL}. */
typedef struct {
    char pointer[160];
    char detail[512];
    const char *code;  // a literal that tells programs which fault it is; NULL: the detail does
} Fault;

typedef struct {
    Fault items[FAULTS_MAX];  // later ones are counted but not kept
    int count;
} Faults;

void faults_add(Faults *faults, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a code. */
void faults_add_as(Faults *faults, const char *pointer, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "must be <expected>, got <the value>". */
void fault_expected(Faults *faults, const char *pointer, const char *expected, const cJSON *got);

bool faults_at(const Faults *faults, const char *pointer);  // there is one at that place

/* Put `key` after `pointer`, escaped as RFC 6901 wants it. */
void pointer_append(char *pointer, size_t size, const char *key);
