#include "core/data/packed/packed_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

enum { MAX_KEY = 40 };

const char *const PACKED_FILE_NAMES[PACKED_FILES] = {
    [PACKED_TRAIN_PIXELS] = "train.pixels",
    [PACKED_TRAIN_LABELS] = "train.labels",
    [PACKED_TEST_PIXELS] = "test.pixels",
    [PACKED_TEST_LABELS] = "test.labels",
};

static bool is_control(char c)
{
    return (c >= 0 && c < ' ') || c == 0x7f;
}

static bool check_text(const char *what, const char *text, Error *err)
{
    if (!utf8_valid(text))
        return fail(err, ERR_INVALID, "%s is not UTF-8: %.100s", what, text);
    const size_t length = strlen(text);
    return length <= PACKED_MAX_NAME
           || fail(err, ERR_INVALID, "%s has %zu bytes, at most %d are accepted: %.100s", what,
                   length, PACKED_MAX_NAME, text);
}

/* The first text that stands there twice; NULL: none does. */
static const char *twice(const char *const *texts, int count)
{
    const char **sorted = xcalloc((size_t)count, sizeof *sorted);
    const char *found = NULL;
    for (int i = 0; i < count; i++)
        sorted[i] = texts[i];
    qsort(sorted, (size_t)count, sizeof *sorted, text_order);
    for (int i = 1; i < count && !found; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            found = sorted[i];
    free(sorted);
    return found;
}

static bool check_notes(const PackedInfo *info, Error *err)
{
    const char *keys[PACKED_MAX_NOTES];
    if (info->note_count < 0 || info->note_count > PACKED_MAX_NOTES)
        return fail(err, ERR_INVALID, "a set must have 0 to %d notes, got %d", PACKED_MAX_NOTES,
                    info->note_count);
    for (int i = 0; i < info->note_count; i++) {
        keys[i] = info->notes[i].key;
        const size_t length = strlen(keys[i]);
        if (length < 1 || length > MAX_KEY
            || strspn(keys[i], "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
            return fail(err, ERR_INVALID, "a note's key must be a word of a to z, 0 to 9 and _: %s",
                        keys[i]);
        if (!check_text("a note", info->notes[i].value, err))
            return false;
    }
    const char *same = twice(keys, info->note_count);
    return !same || fail(err, ERR_INVALID, "two notes are called %s", same);
}

static bool check_names(const PackedInfo *info, Error *err)
{
    if (info->classes < 1 || info->classes > PACKED_MAX_CLASSES)
        return fail(err, ERR_INVALID, "a set must have 1 to %d classes, got %d", PACKED_MAX_CLASSES,
                    info->classes);
    for (int i = 0; i < info->classes; i++) {
        if (info->class_names[i][0] == '\0')
            return fail(err, ERR_INVALID, "the name of class %d is empty", i);
        if (!check_text("a class name", info->class_names[i], err))
            return false;
    }
    const char *same = twice(info->class_names, info->classes);
    return !same || fail(err, ERR_INVALID, "two classes are called %.200s", same);
}

bool packed_info_check(const PackedInfo *info, Error *err)
{
    const Shape s = info->image;
    if (s.channels < 1 || s.channels > PACKED_MAX_CHANNELS)
        return fail(err, ERR_INVALID, "the pictures of a set must have 1 to %d channels, got %d",
                    PACKED_MAX_CHANNELS, s.channels);
    if (s.height < 1 || s.height > PACKED_MAX_SIDE || s.width < 1 || s.width > PACKED_MAX_SIDE)
        return fail(err, ERR_INVALID,
                    "the sides of a set's pictures must be 1 to %d pixels, got %d x %d",
                    PACKED_MAX_SIDE, s.height, s.width);
    return check_names(info, err) && check_notes(info, err);
}

/* ---- Writing ---- */

static void put_text(FILE *f, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\\')
            fputs("\\\\", f);
        else if (is_control(*at))
            fprintf(f, "\\x%02x", (unsigned char)*at);
        else
            fputc(*at, f);
    }
}

static void put_notes(FILE *f, const PackedInfo *info)
{
    for (int i = 0; i < info->note_count; i++) {
        fprintf(f, "note %s ", info->notes[i].key);
        put_text(f, info->notes[i].value);
        fputc('\n', f);
    }
}

static void put_contents(FILE *f, const PackedIndex *x)
{
    for (int i = 0; i < x->info.classes; i++) {
        fputs("class ", f);
        put_text(f, x->info.class_names[i]);
        fputc('\n', f);
    }
    fprintf(f, "train %d\ntest %d\n", x->counts[PACKED_TRAIN], x->counts[PACKED_TEST]);
    for (PackedFile i = 0; i < PACKED_FILES; i++)
        fprintf(f, "sha256 %s %s\n", PACKED_FILE_NAMES[i], x->sha256[i]);
}

static void hash(const char *text, size_t size, char hex[PACKED_DIGEST])
{
    Sha256 sha = sha256_new();
    sha256_add(&sha, text, size);
    sha256_hex(&sha, hex);
}

bool packed_index_text(PackedIndex *x, char **text, size_t *size, Error *err)
{
    const Shape s = x->info.image;
    char checksum[PACKED_DIGEST];
    *text = NULL;
    FILE *f = open_memstream(text, size);
    if (!f)
        return fail(err, ERR_NO_MEMORY, "no memory for the index of a set");
    // What the digest is of: all but the notes, which then take their place.
    fprintf(f, PACKED_MAGIC "1\nimage %d %d %d\n", s.channels, s.height, s.width);
    fflush(f);
    const size_t head = *size;
    put_contents(f, x);
    fflush(f);
    hash(*text, *size, x->digest);
    fseek(f, (long)head, SEEK_SET);
    put_notes(f, &x->info);
    put_contents(f, x);
    fprintf(f, "digest %s\n", x->digest);
    fflush(f);
    hash(*text, *size, checksum);
    fprintf(f, "checksum %s\n", checksum);
    const bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(*text);
        return fail(err, ERR_NO_MEMORY, "no memory for the index of a set");
    }
    if (*size <= PACKED_MAX_INDEX)
        return true;
    free(*text);
    return fail(err, ERR_INVALID, "the index of the set has %zu bytes, at most %d are accepted",
                *size, PACKED_MAX_INDEX);
}

/* ---- What a reader has made ---- */

const char *packed_note(const PackedIndex *x, const char *key)
{
    for (int i = 0; i < x->info.note_count; i++)
        if (strcmp(x->info.notes[i].key, key) == 0)
            return x->info.notes[i].value;
    return NULL;
}

void packed_info_free(PackedInfo *info)
{
    for (int i = 0; i < info->classes; i++)
        free((void *)info->class_names[i]);
    for (int i = 0; i < info->note_count; i++) {
        free((void *)info->notes[i].key);
        free((void *)info->notes[i].value);
    }
    free((void *)info->class_names);
    free((void *)info->notes);
}

void packed_index_free(PackedIndex *x)
{
    if (x)
        packed_info_free(&x->info);
    free(x);
}
