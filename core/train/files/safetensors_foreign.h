/* core/train/files/safetensors_foreign.h -- what other software writes: types of numbers that are
 * converted, names with a wrapper's word before them, and files of other formats. */
#pragma once
#include "core/train/files/safetensors.h"

/* How a type of the format is read. */
typedef struct {
    const char *name;  // as in "dtype"
    size_t bytes;      // of a number in the file; 0: not known, or not whole
    SafeType type;     // what it is read as
    void (*convert)(const uint8_t *bytes, size_t count, void *numbers);
} SafeStored;

/* Never NULL: a type that is not known is of SAFE_OTHER. */
const SafeStored *safe_stored_find(const char *dtype);
/* Whether the numbers can be used where they lie. */
bool safe_stored_in_place(const SafeStored *stored, const uint8_t *bytes);
/* The numbers in memory from malloc; NULL: there is none. */
void *safe_stored_convert(const SafeStored *stored, const uint8_t *bytes, size_t count);

/* Take off what a wrapper put before the names of (almost) all tensors. */
void safe_unwrap_names(SafeTensor *tensors, size_t count);

/* What a file is that is no safetensors file, as "a pickle ..."; NULL: nothing that is known. */
const char *safe_other_format(const uint8_t *bytes, size_t size);
