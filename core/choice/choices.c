#include "core/choice/choices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/atomic_file.h"
#include "core/base/cpu.h"
#include "core/base/memory.h"
#include "core/dnn/dnn.h"

enum { MAX_FILE_BYTES = 1 << 20, HEADER = 256 };

typedef struct {
    char key[CHOICE_KEY];
    char kernel[CHOICE_KEY];
} Choice;

struct Choices {
    Choice *items;
    int count;
    bool foreign;
};

Choices *choices_new(void)
{
    return xcalloc(1, sizeof(Choices));
}

void choices_free(Choices *c)
{
    if (!c)
        return;
    free(c->items);
    free(c);
}

int choices_count(const Choices *c)
{
    return c->count;
}

bool choices_were_foreign(const Choices *c)
{
    return c->foreign;
}

const char *choices_find(const Choices *c, const char *key)
{
    for (int i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].key, key) == 0)
            return c->items[i].kernel;
    }
    return NULL;
}

void choices_set(Choices *c, const char *key, const char *kernel)
{
    if (choices_find(c, key))
        return;
    c->items = xrealloc(c->items, (size_t)c->count + 1, sizeof *c->items);
    Choice *item = &c->items[c->count++];
    snprintf(item->key, sizeof item->key, "%s", key);
    snprintf(item->kernel, sizeof item->kernel, "%s", kernel);
}

/* What the measurements hold for. */
static void header(char text[HEADER])
{
    char cpu[128], version[32];
    cpu_model(cpu, sizeof cpu);
    dnn_version(version, sizeof version);
    snprintf(text, HEADER, "# %s, %s, oneDNN %s", cpu, dnn_isa_name(), version);
}

char *choices_to_text(const Choices *c)
{
    char first[HEADER];
    header(first);
    const size_t size = HEADER + (size_t)c->count * (2 * CHOICE_KEY + 4);
    char *text = xcalloc(size, 1);
    size_t length = (size_t)snprintf(text, size, "%s\n", first);
    for (int i = 0; i < c->count; i++)
        length += (size_t)snprintf(text + length, size - length, "%s: %s\n", c->items[i].key,
                                   c->items[i].kernel);
    return text;
}

static void read_line(Choices *c, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    const size_t key = colon ? (size_t)(colon - line) : 0;
    if (key == 0 || key >= CHOICE_KEY || length < key + 3 || length - key - 2 >= CHOICE_KEY)
        return;
    char left[CHOICE_KEY], right[CHOICE_KEY];
    snprintf(left, sizeof left, "%.*s", (int)key, line);
    snprintf(right, sizeof right, "%.*s", (int)(length - key - 2), colon + 2);
    choices_set(c, left, right);
}

bool choices_from_text(Choices *c, const char *text)
{
    char first[HEADER];
    header(first);
    const size_t length = strlen(first);
    if (strncmp(text, first, length) != 0 || text[length] != '\n') {
        c->foreign = true;
        return false;
    }
    for (const char *line = text + length + 1; *line;) {
        const size_t size = strcspn(line, "\n");
        read_line(c, line, size);
        line += size + (line[size] == '\n');
    }
    return true;
}

bool choices_load(Choices *c, const char *path, Error *err)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return errno == ENOENT
               || fail(err, ERR_IO, "cannot read the kernels chosen before from %s: %s", path,
                       strerror(errno));
    char *text = xcalloc(MAX_FILE_BYTES + 1, 1);
    const size_t size = fread(text, 1, MAX_FILE_BYTES, file);
    const bool ok = !ferror(file);
    fclose(file);
    if (ok && strlen(text) == size)
        choices_from_text(c, text);
    free(text);
    return ok || fail(err, ERR_IO, "cannot read the kernels chosen before from %s", path);
}

bool choices_save(const Choices *c, const char *path, Error *err)
{
    AtomicFile *file = NULL;
    if (!atomic_file_open(path, &file, err))
        return false;
    char *text = choices_to_text(c);
    const bool written = atomic_file_write(file, text, strlen(text), err);
    free(text);
    if (written)
        return atomic_file_commit(file, err);
    atomic_file_cancel(file);
    return false;
}
