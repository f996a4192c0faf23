/* tests/fuzz/fuzz_archive.c -- any bytes at all are an archive of files with names that may be
 * used, or are refused with a sentence; so are they as a table. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/layout/layout.h"
#include "server/data/intake/layout/table.h"
#include "server/data/intake/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_text(const char *text)
{
    assert(utf8_valid(text));
    for (const char *c = text; *c; c++)
        assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void check_error(const Error *err)
{
    assert(err->code == ERR_INVALID || err->code == ERR_NO_MEMORY);
    check_text(err->message);
}

static void check_path(const char *path, const IntakeLimits *limits)
{
    check_text(path);
    assert(*path && *path != '/' && strlen(path) <= (size_t)limits->path_bytes);
    int depth = 1;
    for (const char *name = path;; name = strchr(name, '/') + 1) {
        const size_t length = strcspn(name, "/");
        assert(length > 0 && strncmp(name, ".", length) != 0 && strncmp(name, "..", length) != 0);
        if (name[length] == '\0')
            break;
        depth++;
    }
    assert(depth <= limits->path_depth);
}

static void check_left_out(const LeftOutList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        check_text(list->items[i].path);
        check_text(list->items[i].reason);
    }
}

static void check_listing(const Listing *l, const IntakeLimits *limits)
{
    int64_t total = 0;
    for (size_t i = 0; i < l->count; i++) {
        const ListedFile *entry = &l->entries[i];
        check_path(entry->path, limits);
        assert(i == 0 || strcmp(l->entries[i - 1].path, entry->path) < 0);
        assert(entry->size >= 0 && entry->size <= limits->entry_bytes);
        assert(listing_find(l, entry->path) == (ptrdiff_t)i);
        total += entry->size;
    }
    assert(total == l->total_bytes && total <= limits->total_bytes);
    assert(l->seen <= (size_t)limits->entries);
    check_left_out(&l->left_out);
}

/* Every entry comes once, with as many bytes as it promised; or the pass fails. */
static void pass(Source *source)
{
    const Listing *l = source_listing(source);
    bool *came = xcalloc(l->count + 1, sizeof *came);
    size_t files = 0;
    volatile uint8_t highest = 0;
    Error err = {0};
    SourceFile file;
    SourceStep step = SOURCE_FAILED;
    if (source_begin(source, NULL, &err))
        while ((step = source_next(source, &file, &err)) == SOURCE_FILE) {
            assert(file.entry < l->count && !came[file.entry]);
            assert(file.size == (size_t)l->entries[file.entry].size);
            came[file.entry] = true;
            files++;
            // Touch every promised byte.
            for (size_t i = 0; i < file.size; i++)
                highest = file.bytes[i] > highest ? file.bytes[i] : highest;
        }
    if (step == SOURCE_END)
        assert(files == l->count);
    else
        check_error(&err);
    free(came);
}

static void check_layout(const Source *source, const Layout *layout)
{
    const Listing *l = source_listing(source);
    for (size_t i = 0; i < layout->item_count; i++) {
        const LayoutItem *item = &layout->items[i];
        assert(item->entry < l->count && item->label >= 0 && item->label < layout->class_count);
        assert((item->split != INTAKE_UNSET) == layout->has_split);
        assert(item->picture < (layout->images[0].data ? INT32_MAX : 0));
    }
    for (int c = 0; c < layout->class_count; c++)
        check_text(layout->classes[c]);
    check_left_out(&layout->left_out);
    for (size_t i = 0; i < layout->warning_count; i++)
        check_text(layout->warnings[i].text);
}

static void as_archive(const uint8_t *bytes, size_t size)
{
    const int fd = memfd_create("archive", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    IntakeLimits limits = intake_limits_default();
    limits.free_bytes = 1 << 18;
    limits.entry_bytes = 1 << 18;
    limits.total_bytes = 1 << 20;
    limits.entries = 1000;
    limits.path_depth = 5;
    limits.path_bytes = 100;
    Error err = {0};
    Source *source;
    if (source_open(path, &(SourceOptions){.limits = &limits}, &source, &err)) {
        check_listing(source_listing(source), &limits);
        pass(source);
        Layout layout;
        if (layout_find(source, &layout, &err))
            check_layout(source, &layout);
        else
            check_error(&err);
        layout_clear(&layout);
        source_free(source);
    } else {
        assert(!source);
        check_error(&err);
    }
    close(fd);
}

static void as_table(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    assert(text);
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    CsvTable table;
    Error err = {0};
    if (!table_parse("input", text, size, &table, &err))
        check_error(&err);
    for (size_t r = 0; r < table.row_count; r++)
        for (size_t c = 0; c <= table.rows[r].count; c++) {
            const char *field = table_field(&table, r, c);
            assert(*field == '\0' || (field >= text && field + strlen(field) <= text + size));
        }
    table_free(&table);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    as_archive(bytes, size);
    as_table(bytes, size);
    return 0;
}
