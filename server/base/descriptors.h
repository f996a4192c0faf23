/* server/base/descriptors.h -- the descriptors that a process is started with, or is given. */
#pragma once
#include <stdbool.h>

/* Open /dev/null where standard input, output or error are closed: the first file that the program
 * opens would come to stand there, and messages would be written into it. Reading from such an
 * input and printing to such an output fail, as they would have. False if it cannot be opened. */
bool descriptors_open_standard(void);

/* Let the process have `wanted` descriptors, or as many as its hard limit allows. Returns how many
 * it may have. */
int descriptors_allow(int wanted);

/* The descriptor by a number that no child of ours gives a meaning to, 10 or above; -1 with errno.
 * Closes the old one. */
int descriptor_out_of_the_way(int fd);
