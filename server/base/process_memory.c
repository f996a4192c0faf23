#include "server/base/process_memory.h"

#include <stdio.h>
#include <unistd.h>

/* The first two numbers of /proc/self/statm, in pages. */
typedef struct {
    unsigned long mapped, resident;
} PageCounts;

static PageCounts read_pages(void)
{
    PageCounts pages = {0, 0};
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return pages;
    if (fscanf(file, "%lu %lu", &pages.mapped, &pages.resident) != 2)
        pages = (PageCounts){0, 0};
    fclose(file);
    return pages;
}

uint64_t process_mapped_bytes(void)
{
    return (uint64_t)read_pages().mapped * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_resident_bytes(void)
{
    return (uint64_t)read_pages().resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
