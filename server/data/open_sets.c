#include "server/data/open_sets.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { KEPT = 4, OPEN_ID = 64 };

typedef struct CachedSet {
    char id[OPEN_ID];
    Dataset *set;
    int borrowed;
    bool forgotten;
    struct CachedSet *next;  // used less recently
} CachedSet;

struct OpenSets {
    pthread_mutex_t lock;
    CachedSet *first;
};

OpenSets *open_sets_new(void)
{
    OpenSets *open = xcalloc(1, sizeof *open);
    pthread_mutex_init(&open->lock, NULL);
    return open;
}

/* With the lock held: close what is not borrowed and beyond those that are kept. */
static void close_old(OpenSets *open, int kept)
{
    int count = 0;
    for (CachedSet **at = &open->first; *at;) {
        CachedSet *entry = *at;
        if (entry->borrowed == 0 && (entry->forgotten || count >= kept)) {
            *at = entry->next;
            dataset_free(entry->set);
            free(entry);
        } else {
            count++;
            at = &entry->next;
        }
    }
}

void open_sets_free(OpenSets *open)
{
    if (!open)
        return;
    close_old(open, 0);
    pthread_mutex_destroy(&open->lock);
    free(open);
}

/* With the lock held: the entry comes to the front. */
static CachedSet *find(OpenSets *open, const char *id)
{
    for (CachedSet **at = &open->first; *at; at = &(*at)->next) {
        CachedSet *entry = *at;
        if (entry->forgotten || strcmp(entry->id, id) != 0)
            continue;
        *at = entry->next;
        entry->next = open->first;
        open->first = entry;
        return entry;
    }
    return NULL;
}

bool open_sets_borrow(OpenSets *open, const char *id, const char *source, const char *folder,
                      const Dataset **set, Error *err)
{
    // With the lock held while it is opened: others who want the same one shall not read it too.
    pthread_mutex_lock(&open->lock);
    CachedSet *entry = find(open, id);
    Dataset *opened = NULL;
    if (!entry && dataset_open(source, folder, &opened, err)) {
        entry = xcalloc(1, sizeof *entry);
        snprintf(entry->id, sizeof entry->id, "%s", id);
        entry->set = opened;
        entry->next = open->first;
        open->first = entry;
    }
    if (entry) {
        entry->borrowed++;
        *set = entry->set;
    }
    close_old(open, KEPT);
    pthread_mutex_unlock(&open->lock);
    return entry != NULL;
}

void open_sets_return(OpenSets *open, const Dataset *set)
{
    pthread_mutex_lock(&open->lock);
    for (CachedSet *entry = open->first; entry; entry = entry->next)
        entry->borrowed -= entry->set == set;
    close_old(open, KEPT);
    pthread_mutex_unlock(&open->lock);
}

void open_sets_forget(OpenSets *open, const char *id)
{
    pthread_mutex_lock(&open->lock);
    for (CachedSet *entry = open->first; entry; entry = entry->next)
        entry->forgotten = entry->forgotten || strcmp(entry->id, id) == 0;
    close_old(open, KEPT);
    pthread_mutex_unlock(&open->lock);
}
