/* server/launch/order.h -- what the ranks of a launched training are to do: one line of JSON, which
 * the daemon sends to rank 0 and that one to all others.
 *
 * Only rank 0 reads and writes the files named here; the data set is read by all, at one path.
 */
#pragma once
#include "server/settings/spec.h"

typedef struct {
    JobSpec spec;        // its data set is a known name or a folder, what it starts from is a file
    int ranks;           // that there must be
    const char *folder;  // of a known data set; NULL: the default places
    const char *name;    // of the data set, for the model file
    const char *checkpoint, *autotune;  // as TrainConfig.checkpoint_path and so on
    const char *kernels;                // a record; NULL: none
    const char **resume;                // checkpoints to go on from, the newest first
    int resume_count;
    double checkpoint_seconds;
    cJSON *json;  // that the texts stand in
} Order;

char *order_line(const Order *order);  // from malloc

/* ERR_INVALID. The order is to be freed on failure, too. */
bool order_read(const char *line, Order *order, Error *err);
void order_free(Order *order);  // one that was read
