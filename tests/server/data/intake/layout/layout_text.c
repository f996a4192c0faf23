#include "tests/server/data/intake/layout/layout_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server/data/intake/layout/layout.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

static char text[16384];

static void say(const char *fmt, ...)
{
    const size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(text + length, sizeof text - length, fmt, arguments);
    va_end(arguments);
}

static void say_layout(const Listing *listing, const Layout *l)
{
    static const char *const SPLITS[] = {"", " train", " test"};
    say("%s:", l->name);
    for (int i = 0; i < l->class_count; i++)
        say(" %s", l->classes[i]);
    say("\n");
    for (size_t i = 0; i < l->item_count; i++) {
        char *name = layout_item_name(listing, &l->items[i]);
        assert_int_equal(l->items[i].split != INTAKE_UNSET, l->has_split);
        say("%s: %s%s\n", name, l->classes[l->items[i].label], SPLITS[l->items[i].split]);
        free(name);
    }
    for (size_t i = 0; i < l->left_out.count; i++)
        say("%s: %s: %s\n", l->left_out.items[i].path, l->left_out.items[i].code,
            l->left_out.items[i].reason);
    for (size_t i = 0; i < l->warning_count; i++)
        say("! %s: %s\n", l->warnings[i].code, l->warnings[i].text);
}

/* Each file of the listing is an item or left out, and none is both. */
static void check_none_is_lost(const Listing *listing, const Layout *l)
{
    for (size_t e = 0; e < listing->count && !l->images[0].data; e++) {
        int times = 0;
        for (size_t i = 0; i < l->item_count; i++)
            times += l->items[i].entry == e;
        if (times > 1)
            fail_msg("%s is there %d times", listing->entries[e].path, times);
        for (size_t i = 0; i < l->left_out.count && times == 0; i++)
            times += strcmp(l->left_out.items[i].path, listing->entries[e].path) == 0;
        if (times == 0)
            fail_msg("%s is lost", listing->entries[e].path);
    }
}

const char *layout_text_of(const char *path)
{
    Source *source;
    Error err = {0};
    Layout layout;
    *text = '\0';
    CHECK_OK(source_open(path, &(SourceOptions){0}, &source, &err), err);
    if (layout_find(source, &layout, &err)) {
        say_layout(source_listing(source), &layout);
        if (layout.item_count < 1000)
            check_none_is_lost(source_listing(source), &layout);
    } else {
        assert_int_equal(err.code, ERR_INVALID);
        const size_t skip = strncmp(err.message, path, strlen(path)) == 0 ? strlen(path) + 1 : 0;
        say("%s", err.message + skip);
    }
    layout_clear(&layout);
    source_free(source);
    return text;
}

/* "path=text" as a piece; the path is the first `length` bytes. */
static Piece piece_of(const char *file)
{
    char *path = xstrdup(file);
    char *equals = strchr(path, '=');
    if (equals)
        *equals = '\0';
    const bool is_folder = path[strlen(path) - 1] == '/';
    return (Piece){path, equals ? equals + 1 : "x", is_folder ? PIECE_FOLDER : PIECE_FILE};
}

const char *layout_text(const Scratch *scratch, const char *const *files, size_t count)
{
    static char of_zip[sizeof text];
    static int sets;
    char folder[20];
    Piece *pieces = xcalloc(count, sizeof *pieces);
    snprintf(folder, sizeof folder, "set-%d", sets++);
    const char *top = scratch_path(scratch, folder);
    mkdir(top, 0755);
    for (size_t i = 0; i < count; i++) {
        Piece *piece = &pieces[count - 1 - i];
        *piece = piece_of(files[i]);
        if (piece->type == PIECE_FOLDER) {
            char *path = xasprintf("%s/%s", top, piece->path);
            mkdir(path, 0755);
            free(path);
        } else {
            text_make(top, piece->path, piece->data);
        }
    }
    char *zip = xasprintf("%s.zip", top);
    archive_make(zip, "zip", pieces, count);
    strcpy(of_zip, layout_text_of(zip));
    char *of_folder = xstrdup(layout_text_of(top));
    assert_string_equal(of_zip, of_folder);
    free(of_folder);
    free(zip);
    for (size_t i = 0; i < count; i++)
        free((char *)pieces[i].path);
    free(pieces);
    return text;
}
