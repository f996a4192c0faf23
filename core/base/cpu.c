#include "core/base/cpu.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void cpu_model(char *text, size_t size)
{
    struct utsname machine;
    snprintf(text, size, "%s", uname(&machine) == 0 ? machine.machine : "unknown CPU");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file)
        fclose(file);
}
