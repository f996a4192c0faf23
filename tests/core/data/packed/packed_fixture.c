#include "tests/core/data/packed/packed_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/files/atomic_file.h"
#include "core/base/files/file_read.h"
#include "core/base/sha256.h"

#include "tests/check.h"

static const char *const NAMES[PACKED_CLASSES] = {
    "T-shirt/top", "two\nlines\tand \\n", "\xc3\xa9t\xc3\xa9 \xf0\x9f\x90\xb1", "a", "A", " \x7f "};
static const PackedNote NOTES[] = {{"fit", "crop"}, {"made_by", "a \"test\" \\ \x01"}};

const PackedInfo PACKED_INFO = {.image = {PACKED_CHANNELS, PACKED_HEIGHT, PACKED_WIDTH},
                                .classes = PACKED_CLASSES,
                                .class_names = NAMES,
                                .notes = NOTES,
                                .note_count = COUNT(NOTES)};

PackedPlace packed_place(void)
{
    PackedPlace p = {.parent = "/tmp/test_packed.XXXXXX"};
    assert_non_null(mkdtemp(p.parent));
    snprintf(p.folder, sizeof p.folder, "%s/set", p.parent);
    return p;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        unlink(path);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *inner = xasprintf("%s/%s", path, entry->d_name);
        remove_tree(inner);
        free(inner);
    }
    closedir(dir);
    rmdir(path);
}

void packed_place_remove(const PackedPlace *p)
{
    remove_tree(p->parent);
}

int packed_place_entries(const PackedPlace *p)
{
    int count = 0;
    DIR *dir = opendir(p->parent);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

uint8_t packed_pixel(PackedSplit split, int picture, int i)
{
    return (uint8_t)(picture * 31 + i * 7 + (split == PACKED_TEST) * 101);
}

int packed_label(PackedSplit split, int picture)
{
    return (picture * 5 + (split == PACKED_TEST)) % PACKED_CLASSES;
}

bool packed_add_pictures(PackedWriter *w, PackedSplit split, int first, int count, Error *err)
{
    uint8_t pixels[PACKED_BYTES];
    for (int picture = first; picture < first + count; picture++) {
        for (int i = 0; i < PACKED_BYTES; i++)
            pixels[i] = packed_pixel(split, picture, i);
        if (!packed_add(w, split, packed_label(split, picture), pixels, err))
            return false;
    }
    return true;
}

bool packed_make(const char *folder, int train, int test, char *digest, Error *err)
{
    PackedWriter *w;
    if (!packed_create(folder, &PACKED_INFO, &w, err))
        return false;
    if (packed_add_pictures(w, PACKED_TRAIN, 0, train, err)
        && packed_add_pictures(w, PACKED_TEST, 0, test, err))
        return packed_finish(w, digest, err);
    packed_abandon(w);
    return false;
}

/* The digest's line and all behind it are written anew. */
void packed_edit(const char *folder, const char *old, const char *new)
{
    Error err = {0};
    char *path = xasprintf("%s/" PACKED_INDEX_NAME, folder), hex[65];
    uint8_t *bytes;
    size_t size;
    CHECK_OK(file_read(path, PACKED_MAX_INDEX, &bytes, &size, &err), err);
    char *at = strstr((char *)bytes, old);
    assert_non_null(at);
    char *text =
        xasprintf("%.*s%s%s", (int)(at - (char *)bytes), (char *)bytes, new, at + strlen(old));
    char *end = strstr(text, "\ndigest ");
    if (end) {
        end[1] = '\0';
        Sha256 sha = sha256_new();
        for (char *line = text, *next; *line; line = next) {
            next = strchr(line, '\n') + 1;
            if (strncmp(line, "note ", 5) != 0)
                sha256_add(&sha, line, (size_t)(next - line));
        }
        sha256_hex(&sha, hex);
        char *with = xasprintf("%sdigest %s\n", text, hex);
        free(text);
        text = with;
        sha = sha256_new();
        sha256_add(&sha, text, strlen(text));
        sha256_hex(&sha, hex);
        with = xasprintf("%schecksum %s\n", text, hex);
        free(text);
        text = with;
    }
    CHECK_OK(atomic_file_save(path, text, strlen(text), &err), err);
    free(text);
    free(bytes);
    free(path);
}
