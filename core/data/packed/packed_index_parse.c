#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/data/packed/packed_index.h"

enum { HEX = PACKED_DIGEST - 1 };
static const char FORMAT[] = PACKED_MAGIC "1\n";

typedef struct {
    const char *label;
    const char *at, *end;  // what is not yet taken
    int taken;             // lines
    int line;              // number of the one last looked at, from 1
    Sha256 digest;         // of the lines it is of
    Error *err;
} Reader;

static bool fail_line(const Reader *r, const char *want)
{
    return fail(r->err, ERR_DAMAGED, "%s: line %d should be %s", r->label, r->line, want);
}

/* What follows the beginning of a line. */
typedef struct {
    const char *at, *end;
} Rest;

/* Takes the next line if it begins so. */
static bool take_line(Reader *r, const char *begin, Rest *rest)
{
    const size_t length = strlen(begin);
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->line = r->taken + 1;
    if (!newline || (size_t)(newline - r->at) < length || memcmp(r->at, begin, length) != 0)
        return false;
    *rest = (Rest){r->at + length, newline};
    r->at = newline + 1;
    r->taken++;
    return true;
}

/* The same for a line that the digest is of. */
static bool take_content(Reader *r, const char *begin, Rest *rest)
{
    const char *start = r->at;
    if (!take_line(r, begin, rest))
        return false;
    sha256_add(&r->digest, start, (size_t)(r->at - start));
    return true;
}

/* A number as %d writes it, at least 0, and the character after it; '\n' stands for the end. */
static bool take_number(Rest *rest, char after, int *value)
{
    int64_t n = 0;
    const char *c = rest->at;
    for (; c < rest->end && *c >= '0' && *c <= '9' && n <= INT_MAX; c++)
        n = 10 * n + (*c - '0');
    const bool leading_zero = c - rest->at > 1 && *rest->at == '0';
    const char next = c < rest->end ? *c : '\n';
    if (c == rest->at || n > INT_MAX || leading_zero || next != after)
        return false;
    *value = (int)n;
    rest->at = c + 1;
    return true;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(int c)
{
    return (c >= 0 && c < ' ') || c == 0x7f;
}

/* The bytes of one escape, which becomes *c; 0: there is none. */
static int take_escape(const char *at, const char *end, char *c)
{
    if (end - at >= 2 && at[1] == '\\') {
        *c = '\\';
        return 2;
    }
    const bool hex = end - at >= 4 && at[1] == 'x' && digit(at[2]) >= 0 && digit(at[3]) >= 0;
    const int value = hex ? digit(at[2]) * 16 + digit(at[3]) : 0;
    if (value == 0 || !is_control(value))
        return 0;
    *c = (char)value;
    return 4;
}

/* The text that would be written so; from malloc. NULL: none would. */
static char *take_text(Rest rest)
{
    char *text = xcalloc((size_t)(rest.end - rest.at) + 1, 1), *to = text;
    while (rest.at < rest.end) {
        int bytes = !is_control(*rest.at);
        *to = *rest.at;
        if (*rest.at == '\\')
            bytes = take_escape(rest.at, rest.end, to);
        if (bytes == 0) {
            free(text);
            return NULL;
        }
        rest.at += bytes;
        to++;
    }
    return text;
}

static bool take_image(Reader *r, Shape *s)
{
    Rest rest;
    return (take_content(r, "image ", &rest) && take_number(&rest, ' ', &s->channels)
            && take_number(&rest, ' ', &s->height) && take_number(&rest, '\n', &s->width))
           || fail_line(r, "\"image\" with channels, height and width");
}

static bool take_notes(Reader *r, PackedInfo *info)
{
    Rest rest;
    PackedNote *notes = xcalloc(PACKED_MAX_NOTES, sizeof *notes);
    info->notes = notes;
    while (info->note_count < PACKED_MAX_NOTES && take_line(r, "note ", &rest)) {
        const char *space = memchr(rest.at, ' ', (size_t)(rest.end - rest.at));
        const PackedNote note = {space ? take_text((Rest){rest.at, space}) : NULL,
                                 space ? take_text((Rest){space + 1, rest.end}) : NULL};
        notes[info->note_count++] = note;
        if (!note.key || !note.value)
            return fail_line(r, "\"note\" with a key and a value");
    }
    return true;
}

static bool take_classes(Reader *r, PackedInfo *info)
{
    Rest rest;
    const char **names = NULL;
    for (int room = 0; info->classes < PACKED_MAX_CLASSES && take_content(r, "class ", &rest);) {
        if (info->classes == room) {
            room = room > 0 ? 2 * room : 16;
            names = xrealloc(names, (size_t)room, sizeof *names);
            info->class_names = names;
        }
        names[info->classes] = take_text(rest);
        if (!names[info->classes])
            return fail_line(r, "\"class\" with a name");
        info->classes++;
    }
    return true;
}

static bool take_count(Reader *r, const char *begin, int *count)
{
    Rest rest;
    return (take_content(r, begin, &rest) && take_number(&rest, '\n', count))
           || fail_line(r, "the number of training pictures, then that of test pictures");
}

static bool take_hex(Rest rest, char hex[PACKED_DIGEST])
{
    if (rest.end - rest.at != HEX)
        return false;
    for (int i = 0; i < HEX; i++)
        if (digit(rest.at[i]) < 0)
            return false;
    memcpy(hex, rest.at, HEX);
    hex[HEX] = '\0';
    return true;
}

static bool take_sha256(Reader *r, PackedFile file, char hex[PACKED_DIGEST])
{
    Rest rest;
    char *begin = xasprintf("sha256 %s ", PACKED_FILE_NAMES[file]);
    const bool ok = (take_content(r, begin, &rest) && take_hex(rest, hex))
                    || fail_line(r, "the sha256 of a file");
    free(begin);
    return ok;
}

static bool take_digest(Reader *r, PackedIndex *x)
{
    Rest rest;
    char ours[PACKED_DIGEST];
    sha256_hex(&r->digest, ours);
    return (take_line(r, "digest ", &rest) && take_hex(rest, x->digest)
            && strcmp(x->digest, ours) == 0 && r->at == r->end)
           || fail_line(r, "the digest of what is above it, and the last but one");
}

static bool take_all(Reader *r, PackedIndex *x)
{
    Rest rest;
    bool ok = take_content(r, PACKED_MAGIC, &rest) && take_image(r, &x->info.image)
              && take_notes(r, &x->info) && take_classes(r, &x->info)
              && take_count(r, "train ", &x->counts[PACKED_TRAIN])
              && take_count(r, "test ", &x->counts[PACKED_TEST]);
    for (PackedFile i = 0; ok && i < PACKED_FILES; i++)
        ok = take_sha256(r, i, x->sha256[i]);
    return ok && take_digest(r, x);
}

/* Checks the last line, and makes *size what is before it. */
static bool check_frame(const char *label, const char *text, size_t *size, Error *err)
{
    static const char LAST[] = "checksum ";
    const size_t last = strlen(LAST) + HEX + 1;
    char hex[PACKED_DIGEST];
    if (*size < strlen(FORMAT) || memcmp(text, PACKED_MAGIC, strlen(PACKED_MAGIC)) != 0)
        return fail(err, ERR_DAMAGED, "%s is not the index of a packed set", label);
    if (memcmp(text, FORMAT, strlen(FORMAT)) != 0)
        return fail(err, ERR_DAMAGED, "%s is of another format than this version reads", label);
    if (*size >= strlen(FORMAT) + last) {
        *size -= last;
        Sha256 sha = sha256_new();
        sha256_add(&sha, text, *size);
        sha256_hex(&sha, hex);
        const char *line = text + *size;
        if (memcmp(line, LAST, strlen(LAST)) == 0 && memcmp(line + strlen(LAST), hex, HEX) == 0
            && line[last - 1] == '\n')
            return true;
    }
    return fail(err, ERR_DAMAGED, "%s is cut off or has been changed: its checksum is another",
                label);
}

bool packed_index_parse(const char *label, const char *text, size_t size, PackedIndex **index,
                        Error *err)
{
    if (!check_frame(label, text, &size, err))
        return false;
    PackedIndex *x = xcalloc(1, sizeof *x);
    Reader r = {.label = label, .at = text, .end = text + size, .digest = sha256_new(), .err = err};
    bool ok = take_all(&r, x);
    if (r.digest.context) {
        char unused[PACKED_DIGEST];
        sha256_hex(&r.digest, unused);
    }
    if (ok && !packed_info_check(&x->info, err)) {
        ok = fail_in(err, "%s", label);
        if (err)
            err->code = ERR_DAMAGED;
    }
    if (!ok) {
        packed_index_free(x);
        return false;
    }
    *index = x;
    return true;
}
