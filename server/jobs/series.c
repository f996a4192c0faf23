#include "server/jobs/series.h"

#include <stdlib.h>

void epoch_list_free(EpochList *list)
{
    free(list->items);
    *list = (EpochList){0};
}

void point_list_free(PointList *list)
{
    free(list->items);
    *list = (PointList){0};
}

void checkpoint_list_free(CheckpointList *list)
{
    free(list->items);
    *list = (CheckpointList){0};
}
