/* server/openmp.h -- what OpenMP's library is told before it starts.
 *
 * libgomp reads the environment before main, in its constructor. What it finds there for a program
 * of one team does harm here: it binds the first thread, and so every thread of the daemon, to one
 * core (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY), or cannot start its threads (OMP_STACKSIZE).
 * So of the variables that begin with OMP_, GOMP_ or KMP_ only those reach it that limit the number
 * of threads, say how threads wait, or show something: OPENMP_HEEDED. Nothing else is done by this
 * file, and nothing calls it: it becomes part of the program by being linked.
 *
 * It also makes threads that wait for the rest of their team sleep soon instead of spinning on.
 * libgomp's threads spin for long by default. Where anything else wants the cores (the daemon's own
 * HTTP threads, a second job, a neighbour), a spinning thread keeps from working just the one that
 * it waits for. Milliseconds a step of GoogLeNet on two cores, alone and beside another training:
 *
 *   spinning (default)   1055   4160
 *   1000 turns           1050   2430
 *   none (passive)       1085   2790
 *
 * OMP_WAIT_POLICY or GOMP_SPINCOUNT in the environment replace the 1000 turns, where they say
 * something that libgomp knows.
 *
 * Source   ELF gABI, DT_PREINIT_ARRAY: run before the constructors of all shared objects; libgomp's
 *          env.c, which asks getenv for GOMP_SPINCOUNT.
 */
#pragma once

extern const char *const OPENMP_HEEDED[];  // NULL-terminated; "OMP_NUM_THREADS", ...
