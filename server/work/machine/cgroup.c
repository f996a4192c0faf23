#include "server/work/machine/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 8192 };  // bytes of /proc/self/cgroup that are read

bool cgroup_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length > 0;
}

bool cgroup_file(const char *folder, const char *name, char *text, size_t size)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return cgroup_text(path, text, size);
}

static double least(double a, double b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

/* From the group `path` up to the root of its file system. In a container the path may lead
 * nowhere, and the root is the container's own group. */
static double least_upwards(const char *mount, const char *path, CgroupReader read)
{
    char folder[PATH_MAX];
    const size_t base = strlen(mount);
    snprintf(folder, sizeof folder, "%s%s", mount, path);
    double limit = 0;
    while (true) {
        limit = least(limit, read(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < base)
            return limit;
        *slash = '\0';
    }
}

static bool has_controller(const char *list, const char *controller)
{
    char all[256], one[64];
    snprintf(all, sizeof all, ",%s,", list);
    snprintf(one, sizeof one, ",%s,", controller);
    return strstr(all, one) != NULL;
}

/* A hierarchy is mounted under the name of its controllers or of one of them. */
static double least_of_v1(const CgroupQuestion *q, const char *root, const char *list,
                          const char *path)
{
    char mount[PATH_MAX];
    snprintf(mount, sizeof mount, "%s/%s", root, q->controller);
    const double limit = least_upwards(mount, path, q->v1);
    snprintf(mount, sizeof mount, "%s/%s", root, list);
    return least(limit, least_upwards(mount, path, q->v1));
}

static double least_of_v2(const CgroupQuestion *q, const char *root, const char *path)
{
    char mount[PATH_MAX];
    snprintf(mount, sizeof mount, "%s/unified", root);  // where version 1 has the root
    return least(least_upwards(root, path, q->v2), least_upwards(mount, path, q->v2));
}

double cgroup_least(const CgroupQuestion *q, const char *membership, const char *root)
{
    char text[TEXT];
    double limit = 0;
    char *rest = NULL;
    snprintf(text, sizeof text, "%s", membership);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        path = strcmp(path, "/") == 0 ? path + 1 : path;
        if (!*controllers)
            limit = least(limit, least_of_v2(q, root, path));
        else if (has_controller(controllers, q->controller))
            limit = least(limit, least_of_v1(q, root, controllers, path));
    }
    return limit;
}

double cgroup_own_least(const CgroupQuestion *q)
{
    char membership[TEXT];
    if (!cgroup_text("/proc/self/cgroup", membership, sizeof membership))
        return 0;
    return cgroup_least(q, membership, CGROUP_ROOT);
}
