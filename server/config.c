/* DESIGN. A row of config_table.c is all there is to know of a field. Every source, be it JSON,
 * environment or flag, comes down to a name and a text, and one function puts the text into the
 * field or adds a fault. Sources are applied from the weakest to the strongest.
 */
#include "server/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/files.h"
#include "server/base/json/json_text.h"
#include "server/config_table.h"
#include "server/launch/launcher.h"
#include "server/listen_address.h"
#include "server/mpi/ranks.h"

static const char DEFAULT_FILE[] = "config/server.json";

/* ---- The file ---- */

static void add_unknown(const char *pointer, Faults *faults)
{
    const ServerField *meant = server_field_hint(pointer + 1);
    if (meant)
        faults_add(faults, pointer, "is not a known field; did you mean \"%s\"?", meant->name);
    else
        faults_add(faults, pointer, "is not a known field");
}

static void take_json(const cJSON *item, const char *pointer, ServerConfig *config, Faults *faults)
{
    const ServerField *f = server_field_find(pointer, strlen(pointer), server_field_pointer);
    double number;
    if (!f) {
        add_unknown(pointer, faults);
    } else if (f->kind != INT && cJSON_IsString(item)) {
        server_field_take(f, item->valuestring, pointer, config, faults);
    } else if (f->kind == INT && json_number_value(item, &number)) {
        char text[40];
        snprintf(text, sizeof text, "%.17g", number);
        server_field_take(f, text, pointer, config, faults);
    } else {
        faults_add(faults, pointer, "must be %s", f->kind == INT ? "a whole number" : "a string");
    }
}

static bool is_group(const char *pointer)
{
    return strcmp(pointer, "/limits") == 0 || strcmp(pointer, "/log") == 0;
}

static void take_object(const cJSON *object, const char *pointer, ServerConfig *config,
                        Faults *faults)
{
    if (!cJSON_IsObject(object)) {
        faults_add(faults, pointer, "must be an object");
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char inner[160];
        snprintf(inner, sizeof inner, "%s/%.100s", pointer, item->string);
        if (json_given_twice(object, item))
            faults_add(faults, inner, "is given twice");
        else if (is_group(inner))
            take_object(item, inner, config, faults);
        else
            take_json(item, inner, config, faults);
    }
}

static void take_file(const char *path, ServerConfig *config, Faults *faults)
{
    Error err = {0};
    size_t length = 0;
    char *text = NULL;
    cJSON *json = file_text(path, JSON_MAX_BYTES, &text, &length, &err)
                      ? json_parse_text(path, text, length, &err)
                      : NULL;
    if (!json)
        faults_add(faults, "", "%s", err.message);
    else if (cJSON_IsObject(json))
        take_object(json, "", config, faults);
    else
        faults_add(faults, "", "%s must be an object", path);
    cJSON_Delete(json);
    free(text);
}

/* ---- Environment and flags ---- */

static const char *environment_value(char *const *environment, const char *name)
{
    const size_t length = strlen(name);
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    }
    return NULL;
}

static void take_environment(char *const *environment, ServerConfig *config, Faults *faults)
{
    for (size_t i = 0; i < SERVER_FIELD_COUNT; i++) {
        char name[SERVER_FIELD_NAME];
        server_field_variable(&SERVER_FIELDS[i], name);
        const char *value = environment_value(environment, name);
        if (value)
            server_field_take(&SERVER_FIELDS[i], value, name, config, faults);
    }
}

static const char *find_file(const ConfigSources *sources)
{
    const char *named = environment_value(sources->environment, "GOOGLENETD_CONFIG");
    if (sources->file || (named && *named))
        return sources->file ? sources->file : named;
    return access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
}

static void take_flags(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    for (int i = 0; i < sources->flag_count; i++) {
        const ConfigFlag *flag = &sources->flags[i];
        const ServerField *f =
            server_field_find(flag->name, strlen(flag->name), server_field_option);
        char where[SERVER_FIELD_NAME + 2];
        snprintf(where, sizeof where, "--%s", flag->name);
        if (f)
            server_field_take(f, flag->value, where, config, faults);
        else
            faults_add(faults, where, "is not a known flag");
    }
}

/* ---- What concerns several fields ---- */

enum { TOKEN_SIZE = sizeof(((ServerConfig *)0)->token) };

static void take_token(const char *value, const char *where, char token[TOKEN_SIZE], Faults *faults)
{
    const size_t length = strcspn(value, "\r\n");
    snprintf(token, TOKEN_SIZE, "%.*s", (int)length, value);
    for (const char *c = token; *c; c++) {
        if (!isgraph((unsigned char)*c)) {
            faults_add(faults, where, "must be a token of visible ASCII characters");
            return;
        }
    }
    if (length == 0 || length >= TOKEN_SIZE)
        faults_add(faults, where, "must hold a token of 1 to %d characters", TOKEN_SIZE - 1);
}

/* A token from the variable of that name, else from the file, if there is one. */
typedef struct {
    const char *variable, *file, *pointer;
} TokenSource;

static void find_token(const ConfigSources *sources, TokenSource from, char token[TOKEN_SIZE],
                       Faults *faults)
{
    const char *value = environment_value(sources->environment, from.variable);
    if (value) {
        take_token(value, from.variable, token, faults);
    } else if (from.file[0]) {
        Error err = {0};
        char *text = NULL;
        if (file_text(from.file, JSON_MAX_BYTES, &text, NULL, &err))
            take_token(text, from.pointer, token, faults);
        else
            faults_add(faults, from.pointer, "%s", err.message);
        free(text);
    }
}

static void find_tokens(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    const TokenSource full = {"GOOGLENETD_TOKEN", config->token_file, "/token_file"};
    const TokenSource read = {"GOOGLENETD_READ_TOKEN", config->read_token_file, "/read_token_file"};
    find_token(sources, full, config->token, faults);
    find_token(sources, read, config->read_token, faults);
    if (!config->read_token[0])
        return;
    if (!config->token[0])
        faults_add(faults, read.pointer,
                   "a token that may only read needs one that may write: set "
                   "token_file or GOOGLENETD_TOKEN");
    else if (strcmp(config->token, config->read_token) == 0)
        faults_add(faults, read.pointer, "must be another token than the one that may write");
}

static void check_listen(const ServerConfig *config, Faults *faults)
{
    Error err = {0};
    ListenAddress address;
    if (!listen_address_parse(config->listen, &address, &err))
        faults_add(faults, "/listen", "%s", err.message);
    else if (!address.loopback && !config->token[0])
        faults_add(faults, "/listen",
                   "%s is beyond this machine, which needs a token: set token_file or "
                   "GOOGLENETD_TOKEN",
                   config->listen);
}

/* Names as a client's Host has them, without its port: others would never be met, and not tell. */
static void check_hosts(const ServerConfig *config, Faults *faults)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *wrong = config->hosts;
    do {
        wrong += strspn(wrong, ", ");
        wrong += strspn(wrong, NAME);
    } while (*wrong == ',' || *wrong == ' ');
    if (*wrong)
        faults_add(
            faults, "/hosts",
            "must be names without scheme, port or path, with commas between, got \"%.200s\"",
            config->hosts);
}

/* A faulty one is a fault, and one that this program cannot use as well. */
static void check_launcher(const ServerConfig *config, Faults *faults)
{
    Error err = {0};
    if (!config->launcher[0])
        return;
    if (!launcher_check(config->launcher, &err))
        faults_add(faults, "/launcher", "%s", err.message);
    else if (!ranks_available())
        faults_add(faults, "/launcher", "needs MPI, and this googlenetd was built without it");
}

bool config_read(const ConfigSources *sources, ServerConfig *config, Faults *faults)
{
    const int before = faults->count;
    *config = (ServerConfig){0};
    for (size_t i = 0; i < SERVER_FIELD_COUNT; i++)
        server_field_take(&SERVER_FIELDS[i], SERVER_FIELDS[i].fallback, SERVER_FIELDS[i].name,
                          config, faults);
    const char *file = find_file(sources);
    if (file)
        take_file(file, config, faults);
    take_environment(sources->environment, config, faults);
    take_flags(sources, config, faults);
    find_tokens(sources, config, faults);
    if (!config->data[0])
        faults_add(faults, "/data", "must name a folder");
    check_listen(config, faults);
    check_hosts(config, faults);
    check_launcher(config, faults);
    return faults->count == before;
}

int config_option_count(void)
{
    return (int)SERVER_FIELD_COUNT;
}

ConfigOption config_option(int i)
{
    const ServerField *f = &SERVER_FIELDS[i];
    ConfigOption o = {0};
    char name[SERVER_FIELD_NAME];
    server_field_option(f, name);
    snprintf(o.name, sizeof o.name, "%.*s", (int)sizeof o.name - 1, name);
    snprintf(o.value, sizeof o.value, "%s", f->kind == INT ? "N" : "TEXT");
    if (f->kind == INT)
        snprintf(o.help, sizeof o.help, "%s (%s; %ld to %ld)", f->about, f->fallback, f->min,
                 f->max);
    else if (f->fallback[0])
        snprintf(o.help, sizeof o.help, "%s (%s)", f->about, f->fallback);
    else
        snprintf(o.help, sizeof o.help, "%s", f->about);
    return o;
}

static void add_value(cJSON *object, const char *key, const ServerField *f,
                      const ServerConfig *config)
{
    const void *place = (const char *)config + f->offset;
    if (f->kind == TEXT)
        cJSON_AddStringToObject(object, key, place);
    else if (f->kind == CHOICE)
        cJSON_AddStringToObject(object, key, f->names[*(const int *)place]);
    else
        cJSON_AddNumberToObject(object, key,
                                f->size == sizeof(int) ? (double)*(const int *)place
                                                       : (double)*(const int64_t *)place);
}

cJSON *config_to_json(const ServerConfig *config)
{
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < SERVER_FIELD_COUNT; i++) {
        const ServerField *f = &SERVER_FIELDS[i];
        const char *dot = strchr(f->name, '.');
        if (!dot) {
            add_value(json, f->name, f, config);
            continue;
        }
        char name[SERVER_FIELD_NAME];
        snprintf(name, sizeof name, "%.*s", (int)(dot - f->name), f->name);
        cJSON *group = cJSON_GetObjectItemCaseSensitive(json, name);
        add_value(group ? group : cJSON_AddObjectToObject(json, name), dot + 1, f, config);
    }
    return json;
}

cJSON *config_limits_to_json(const ServerConfig *config)
{
    cJSON *json = config_to_json(config);
    cJSON *limits = cJSON_DetachItemFromObjectCaseSensitive(json, "limits");
    cJSON_Delete(json);
    return limits;
}
