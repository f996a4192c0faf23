/* core/base/threads/team.h -- the OpenMP team that computes.
 *
 * oneDNN and our own kernels share their work out by omp_get_max_threads(). A team that turns out
 * smaller (a thread limit, dynamic teams, no active levels, no more threads from the system) leaves
 * shares that nobody computes, and oneDNN's barriers wait for them for ever. So the team is fixed
 * before anything is computed, and its size is counted, not believed.
 */
#pragma once

/* The most threads that OpenMP's environment allows the calling thread: OMP_NUM_THREADS and
 * OMP_THREAD_LIMIT where they are set, else the CPUs of the process. */
int team_limit(void);

/* Fix the calling thread's team: `threads` of them, or team_limit() for 0, and fewer where OpenMP's
 * thread limit or the system gives fewer. Teams are neither dynamic nor switched off afterwards.
 * Answers the size that the team has, which omp_get_max_threads() says as well. */
int team_start(int threads);
