#include "server/unknown_variables.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/config_table.h"

static const char PREFIX[] = "GOOGLENETD_";
enum { PREFIX_LENGTH = sizeof PREFIX - 1, VARIABLE_MOST = 200 };

/* Those that are no settings of the table. */
static const char *const OTHERS[] = {"GOOGLENETD_CONFIG", "GOOGLENETD_TOKEN",
                                     "GOOGLENETD_READ_TOKEN", "GOOGLENETD_PROGRAM"};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < COUNT(OTHERS); i++)
        if (strcmp(OTHERS[i], name) == 0)
            return true;
    return server_field_find(name, strlen(name), server_field_variable) != NULL;
}

/* GOOGLENETD_SERVICE_HOST=10.0.0.1, GOOGLENETD_PORT=tcp://10.0.0.1:8080,
 * GOOGLENETD_PORT_8080_TCP_ADDR=10.0.0.1 and the like.
 * Source   Kubernetes, Service, Environment variables. */
static bool is_of_a_service(const char *name, const char *value)
{
    static const char PORT[] = "_PORT";
    const char *port = strstr(name, PORT);
    const char *after = port ? port + sizeof PORT - 1 : "";
    return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT")
           || (port && strstr(value, "://"))
           || (after[0] == '_' && isdigit((unsigned char)after[1]));
}

void unknown_variables(char *const *environment, UnknownVariable tell, void *context)
{
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        char name[VARIABLE_MOST], meant[SERVER_FIELD_NAME] = "";
        if (!equals || strncmp(*environment, PREFIX, PREFIX_LENGTH) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - *environment), *environment);
        if (is_known(name) || is_of_a_service(name, equals + 1))
            continue;
        const ServerField *field = server_field_hint(name + PREFIX_LENGTH);
        if (field)
            server_field_variable(field, meant);
        tell(context, name, meant);
    }
}
