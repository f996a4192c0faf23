#include "core/base/threads/cpu.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/memory.h"

/* Append "<separator><label><value>" if the line of /proc/cpuinfo is "<field>\t: <value>". */
static void add_field(const char *line, const char *field, const char *label, char *text,
                      size_t size)
{
    const char *colon = strchr(line, ':');
    const size_t length = strlen(field), used = strlen(text);
    if (!colon || strncmp(line, field, length) != 0 || strspn(line + length, "\t ") == 0
        || line + length + strspn(line + length, "\t ") != colon || colon[1] != ' ')
        return;
    snprintf(text + used, size - used, "%s%s%.*s", used > 0 ? " " : "", label,
             (int)strcspn(colon + 2, "\n"), colon + 2);
}

typedef struct {
    const char *field, *label;
} CpuField;

/* The values of these fields, of the first CPU: it speaks for all. */
static void read_fields(const CpuField *fields, size_t count, char *text, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512];
    text[0] = '\0';
    while (file && fgets(line, sizeof line, file) && line[0] != '\n') {
        for (size_t i = 0; i < count; i++)
            add_field(line, fields[i].field, fields[i].label, text, size);
    }
    if (file)
        fclose(file);
}

void cpu_model(char *text, size_t size)
{
    static const CpuField NAME[] = {{"model name", ""}};
    struct utsname system;
    read_fields(NAME, COUNT(NAME), text, size);
    if (!text[0])
        snprintf(text, size, "%s", uname(&system) == 0 ? system.machine : "unknown CPU");
}

void cpu_details(char *text, size_t size)
{
    static const CpuField DETAILS[] = {
        {"cpu family", "family "},
        {"model", "model "},
        {"stepping", "stepping "},  // x86
        {"CPU implementer", "implementer "},
        {"CPU variant", "variant "},
        {"CPU part", "part "},
        {"CPU revision", "revision "},  // ARM
    };
    read_fields(DETAILS, COUNT(DETAILS), text, size);
}

void cpu_caches(char *text, size_t size)
{
    const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    text[0] = '\0';
    for (size_t i = 0; i < COUNT(names); i++) {
        const long bytes = sysconf(names[i]);
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%ldK", i > 0 ? "+" : "", bytes > 0 ? bytes >> 10 : 0);
    }
}
