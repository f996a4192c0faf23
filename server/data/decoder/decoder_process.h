/* server/data/decoder/decoder_process.h -- starts and ends the process behind a decoder. */
#pragma once
#include <sys/types.h>

#include "core/base/error.h"

typedef struct {
    pid_t pid;   // 0: there is none
    int socket;  // to talk to it; -1: none
    int walls;   // SandboxWalls
} DecoderProcess;

/* Run `executable` as a decoder that shares the memory behind the descriptor, and wait for its
 * greeting. ERR_IO. */
bool decoder_process_start(DecoderProcess *p, const char *executable, int memory, Error *err);
/* End it, whatever it is at; its wait status, which a signal that it died of before is in. */
int decoder_process_end(DecoderProcess *p);
