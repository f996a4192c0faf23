#include "server/jobs/events/prune.h"

static bool prune_slice(Store *store, int64_t subject, int64_t newest, bool *more)
{
    if (!store_begin(store, NULL))
        return false;
    if (store_prune_subject(store, subject, newest, more, NULL))
        return store_commit(store, NULL);
    store_rollback(store);
    return false;
}

static bool prune_subject(Events *events, Store *store, const PruneRules *rules, int64_t subject,
                          bool *any)
{
    int64_t newest;
    bool more = true;
    if (!store_prunable(store, subject, &newest, NULL))
        return false;
    if (newest == 0)
        return true;
    // Before they go: a stream that does not find them must already know that it has missed some.
    events_pruned(events, newest + 1);
    *any = true;
    while (more) {
        if (!prune_slice(store, subject, newest, &more) || !rules->go_on(rules->context))
            return false;
    }
    return true;
}

bool events_prune(Events *events, Store *store, PruneRules rules, bool *any)
{
    int64_t subject = INT64_MIN;
    *any = false;
    for (;;) {
        if (!store_next_subject(store, subject, rules.since, &subject, NULL))
            return false;
        if (subject == 0)
            return true;
        if (!prune_subject(events, store, &rules, subject, any))
            return false;
    }
}
