#include "server/jobs/events/high_water.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/files/atomic_file.h"
#include "server/jobs/files/job_files.h"

HighWater high_water_read(const char *data)
{
    HighWater mark = {.job = 0};
    FILE *file = fopen(data_path(data, "ids").text, "re");
    if (!file)
        return mark;
    const int read = fscanf(file, "job %18" SCNd64 " event %18" SCNd64 " dataset %18" SCNd64,
                            &mark.job, &mark.event, &mark.dataset);
    fclose(file);
    // Older files have no data sets.
    return read >= 2 && mark.job >= 0 && mark.event >= 0 && mark.dataset >= 0
               ? mark
               : (HighWater){.job = 0};
}

bool high_water_write(const char *data, const HighWater *mark, Error *err)
{
    char text[120];
    const int length =
        snprintf(text, sizeof text, "job %" PRId64 " event %" PRId64 " dataset %" PRId64 "\n",
                 mark->job, mark->event, mark->dataset);
    return atomic_file_save(data_path(data, "ids").text, text, (size_t)length, err);
}
