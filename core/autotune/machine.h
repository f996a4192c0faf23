/* core/autotune/machine.h -- the machine that a measurement or a record of kernels holds for. */
#pragma once
#include <stddef.h>

enum { MACHINE_TEXT = 384 };  // bytes of the text, with the final NUL

typedef struct {
    char cpu[96];      // its name
    char details[96];  // family, model, stepping
    char caches[64];   // sizes of the data caches
    char isa[32];      // the instruction set that oneDNN uses
    char onednn[32];   // its version
    char version[32];  // ours, and of our kernels
} Machine;

/* The machine and the program that this runs on. */
Machine machine_here(void);

/* One line of printable characters without '|'; differs whenever a field does. */
void machine_text(const Machine *m, char text[MACHINE_TEXT]);
