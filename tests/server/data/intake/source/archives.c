#include "tests/server/data/intake/source/archives.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core/base/memory.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "archives: %s failed\n", what);
    abort();
}

static void set_format(struct archive *a, const char *format)
{
    if (strncmp(format, "zip", 3) == 0 || strcmp(format, "encrypted") == 0)
        must(archive_write_set_format_zip(a) == ARCHIVE_OK, "zip");
    else if (strncmp(format, "ustar", 5) == 0)
        must(archive_write_set_format_ustar(a) == ARCHIVE_OK, "ustar");
    else if (strncmp(format, "gnutar", 6) == 0)
        must(archive_write_set_format_gnutar(a) == ARCHIVE_OK, "gnutar");
    else if (strncmp(format, "v7tar", 5) == 0)
        must(archive_write_set_format_v7tar(a) == ARCHIVE_OK, "v7tar");
    else
        must(archive_write_set_format_pax(a) == ARCHIVE_OK, "pax");
    if (strcmp(format, "zip64") == 0)
        must(archive_write_set_options(a, "zip:zip64") == ARCHIVE_OK, "zip64");
    if (strcmp(format, "encrypted") == 0)
        must(archive_write_set_options(a, "zip:encryption=zipcrypt") == ARCHIVE_OK
                 && archive_write_set_passphrase(a, "secret") == ARCHIVE_OK,
             "encryption");
    if (strstr(format, ".gz"))
        must(archive_write_add_filter_gzip(a) == ARCHIVE_OK, "gzip");
}

static void write_piece(struct archive *a, const Piece *piece)
{
    static const __LA_MODE_T TYPES[] = {AE_IFREG, AE_IFDIR, AE_IFLNK, AE_IFREG, AE_IFIFO};
    const size_t size = piece->type == PIECE_FILE && piece->data ? strlen(piece->data) : 0;
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, piece->path);
    archive_entry_set_filetype(entry, TYPES[piece->type]);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    if (piece->type == PIECE_SYMLINK)
        archive_entry_set_symlink(entry, piece->data);
    if (piece->type == PIECE_HARD_LINK)
        archive_entry_set_hardlink(entry, piece->data);
    must(archive_write_header(a, entry) >= ARCHIVE_WARN, piece->path);
    if (size > 0)
        must(archive_write_data(a, piece->data, size) == (la_ssize_t)size, piece->path);
    archive_entry_free(entry);
}

void archive_make(const char *file, const char *format, const Piece *pieces, size_t count)
{
    struct archive *a = archive_write_new();
    set_format(a, format);
    must(archive_write_open_filename(a, file) == ARCHIVE_OK, file);
    for (size_t i = 0; i < count; i++)
        write_piece(a, &pieces[i]);
    must(archive_write_close(a) == ARCHIVE_OK, file);
    archive_write_free(a);
}

void archive_make_sparse(const char *file, const char *path, int64_t size, int64_t offset,
                         const char *data)
{
    struct archive *a = archive_write_new();
    set_format(a, "pax");
    must(archive_write_open_filename(a, file) == ARCHIVE_OK, file);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size);
    archive_entry_sparse_add_entry(entry, offset, (la_int64_t)strlen(data));
    must(archive_write_header(a, entry) == ARCHIVE_OK, path);
    char zeros[4096] = {0};
    for (int64_t at = 0; at < offset; at += (int64_t)sizeof zeros) {
        const int64_t left = offset - at;
        archive_write_data(a, zeros, left < 4096 ? (size_t)left : sizeof zeros);
    }
    must(archive_write_data(a, data, strlen(data)) >= 0, path);
    archive_entry_free(entry);
    must(archive_write_close(a) == ARCHIVE_OK, file);
    archive_write_free(a);
}

typedef struct {
    uint8_t *bytes;
    size_t size;
} Buffer;

static void put(Buffer *b, const void *bytes, size_t size)
{
    b->bytes = xrealloc(b->bytes, b->size + size + 1, 1);
    memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void put_numbers(Buffer *b, const char *sizes, const uint32_t *numbers)
{
    for (; *sizes; sizes++, numbers++)
        for (int i = 0; i < *sizes - '0'; i++) {
            const uint8_t byte = (uint8_t)(*numbers >> 8 * i);
            put(b, &byte, 1);
        }
}

/* The part that the local header and the central one have in common. */
static void put_common(Buffer *b, const ZipPiece *p)
{
    const uint32_t size = (uint32_t)strlen(p->data);
    const uint32_t crc = (uint32_t)crc32(0, (const Bytef *)p->data, size) ^ p->crc_fault;
    put_numbers(b, "222224442",
                (uint32_t[]){20, p->flags, p->method, 0, 0x21, crc, size,
                             p->claimed ? (uint32_t)p->claimed : size, (uint32_t)strlen(p->path)});
}

void zip_make(const char *file, const ZipPiece *pieces, size_t count)
{
    Buffer all = {0}, central = {0};
    for (size_t i = 0; i < count; i++) {
        const ZipPiece *p = &pieces[i];
        const uint32_t offset = (uint32_t)all.size;
        put_numbers(&all, "4", (uint32_t[]){0x04034b50});
        put_common(&all, p);
        put_numbers(&all, "2", (uint32_t[]){0});
        put(&all, p->path, strlen(p->path));
        put(&all, p->data, strlen(p->data));
        put_numbers(&central, "42", (uint32_t[]){0x02014b50, 20});
        put_common(&central, p);
        put_numbers(&central, "222244", (uint32_t[]){0, 0, 0, 0, 0, offset});
        put(&central, p->path, strlen(p->path));
    }
    const uint32_t start = (uint32_t)all.size, n = (uint32_t)count;
    if (central.size > 0)
        put(&all, central.bytes, central.size);
    put_numbers(&all, "42222442",
                (uint32_t[]){0x06054b50, 0, 0, n, n, (uint32_t)central.size, start, 0});
    file_make(file, all.bytes, all.size);
    free(all.bytes);
    free(central.bytes);
}

void file_make(const char *file, const void *bytes, size_t size)
{
    FILE *f = fopen(file, "wb");
    must(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0, file);
}

uint8_t *file_bytes(const char *file, size_t *size)
{
    FILE *f = fopen(file, "rb");
    must(f && fseek(f, 0, SEEK_END) == 0, file);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = xcalloc(*size + 1, 1);
    must(fread(bytes, 1, *size, f) == *size, file);
    fclose(f);
    return bytes;
}

void text_make(const char *folder, const char *path, const char *text)
{
    char *whole = xasprintf("%s/%s", folder, path);
    for (char *slash = whole + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    file_make(whole, text, strlen(text));
    free(whole);
}
