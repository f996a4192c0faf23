/* core/choice/choices.h -- which of several kernels was the fastest, by what there was to compute.
 *
 * A layer that can be computed in several ways asks here first; what nobody has measured yet it
 * measures itself, once, and writes down. Whoever owns the choices keeps them: beside the data, so
 * that the next training on this machine starts at once, and in each checkpoint, so that a training
 * goes on with the same kernels and hence the same bits.
 *
 *     # AMD EPYC, avx512_core_bf16, oneDNN 3.7.2
 *     forward 3x3 64x24x24-192 bf16, 2 threads: winograd 3x3
 */
#pragma once
#include "core/base/error.h"

typedef struct Choices Choices;

enum { CHOICE_KEY = 96 };  // bytes of a key or a kernel's name, with the final NUL

Choices *choices_new(void);
void choices_free(Choices *c);  // takes NULL
int choices_count(const Choices *c);

/* The kernel's name, or NULL if nothing is known of `key`. */
const char *choices_find(const Choices *c, const char *key);
/* A key that is there keeps what it has: programs in use rely on it. */
void choices_set(Choices *c, const char *key, const char *kernel);

/* All of them as text, lines in the order of their making. From malloc. */
char *choices_to_text(const Choices *c);
/* Add the choices of such a text, if it is of this CPU and this oneDNN; else add nothing and answer
 * false. Lines that cannot be read are passed over: they are measured again. */
bool choices_from_text(Choices *c, const char *text);

/* Whether such a text was of another CPU or another oneDNN. */
bool choices_were_foreign(const Choices *c);

/* The same with a file. A file that is not there is like an empty one; ERR_IO when it cannot be
 * read or written. */
bool choices_load(Choices *c, const char *path, Error *err);
bool choices_save(const Choices *c, const char *path, Error *err);
