#include "server/base/threads/work_slot.h"

#include "core/base/clock.h"

static const double TELL_SECONDS = 1;

void work_slot_init(WorkSlot *slot)
{
    *slot = (WorkSlot){.id = 0};
    work_signal_init(&slot->signal);
}

void work_slot_destroy(WorkSlot *slot)
{
    work_signal_destroy(&slot->signal);
}

bool work_slot_cancel(WorkSlot *slot, int64_t id)
{
    pthread_mutex_lock(&slot->signal.lock);
    const bool active = slot->id == id;
    if (active)
        slot->cancelled = true;
    pthread_mutex_unlock(&slot->signal.lock);
    return active;
}

void work_slot_read(WorkSlot *slot, int64_t id, int64_t *done, int64_t *total)
{
    pthread_mutex_lock(&slot->signal.lock);
    if (slot->id == id) {
        *done = slot->done;
        *total = slot->total;
    }
    pthread_mutex_unlock(&slot->signal.lock);
}

void work_slot_begin(WorkSlot *slot, int64_t id)
{
    pthread_mutex_lock(&slot->signal.lock);
    slot->id = id;
    slot->cancelled = false;
    slot->done = slot->total = 0;
    slot->told_at = clock_seconds();
    pthread_mutex_unlock(&slot->signal.lock);
}

void work_slot_end(WorkSlot *slot)
{
    work_slot_begin(slot, 0);
}

static bool goes_on(const WorkSlot *slot)
{
    return !slot->signal.leaving && !slot->cancelled;
}

bool work_slot_progress(WorkSlot *slot, int64_t done, int64_t total, bool *tell)
{
    const double now = clock_seconds();
    pthread_mutex_lock(&slot->signal.lock);
    slot->done = done;
    slot->total = total;
    const bool go_on = goes_on(slot);
    *tell = go_on && now - slot->told_at >= TELL_SECONDS;
    if (*tell)
        slot->told_at = now;
    pthread_mutex_unlock(&slot->signal.lock);
    return go_on;
}

bool work_slot_go_on(WorkSlot *slot)
{
    pthread_mutex_lock(&slot->signal.lock);
    const bool go_on = goes_on(slot);
    pthread_mutex_unlock(&slot->signal.lock);
    return go_on;
}

bool work_slot_pause(WorkSlot *slot)
{
    return work_signal_pause(&slot->signal, WORK_RETRY_SECONDS) && work_slot_go_on(slot);
}
