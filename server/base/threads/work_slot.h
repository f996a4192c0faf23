/* server/base/threads/work_slot.h -- the piece of work that a thread is at, where one thread does
 * all of a kind, one at a time.
 *
 * The pieces are rows of the store, by id. Here is what is too quick for a disk: how far the one
 * under way has come, and that it was cancelled.
 */
#pragma once
#include "server/base/threads/work_signal.h"

typedef struct {
    WorkSignal signal;  // of the thread; its lock is the slot's

    int64_t id;  // 0: none is under way. The thread alone changes it
    bool cancelled;
    int64_t done, total;
    double told_at;  // monotonic seconds: when readers of events last heard of it
} WorkSlot;

enum { WORK_RETRY_SECONDS = 1 };  // between two tries of what a disk does not take

void work_slot_init(WorkSlot *slot);
void work_slot_destroy(WorkSlot *slot);

/* ---- From any thread ---- */

/* Where the piece is under way, it is to end; else false. */
bool work_slot_cancel(WorkSlot *slot, int64_t id);
/* Where it is under way, how far it has come; else both stay as they are. */
void work_slot_read(WorkSlot *slot, int64_t id, int64_t *done, int64_t *total);

/* ---- From the thread itself ---- */

/* Before the store says that the piece is under way: a cancellation finds it. */
void work_slot_begin(WorkSlot *slot, int64_t id);
void work_slot_end(WorkSlot *slot);

/* It has come so far. *tell: readers of events should hear of it, about once a second. False: end
 * it, it was cancelled or the daemon leaves. Cheap. */
bool work_slot_progress(WorkSlot *slot, int64_t done, int64_t total, bool *tell);
bool work_slot_go_on(WorkSlot *slot);  // the same question alone
/* ... once WORK_RETRY_SECONDS have passed, or at once where the daemon leaves. */
bool work_slot_pause(WorkSlot *slot);
