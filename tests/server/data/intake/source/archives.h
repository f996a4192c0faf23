/* tests/server/data/intake/source/archives.h -- archives for tests, good and evil ones. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { PIECE_FILE, PIECE_FOLDER, PIECE_SYMLINK, PIECE_HARD_LINK, PIECE_PIPE } PieceType;

typedef struct {
    const char *path;
    const char *data;  // of a file; where a link leads to
    PieceType type;
} Piece;

/* By libarchive: "zip", "zip64", "encrypted" (a zip), "ustar", "pax", "gnutar", "v7tar"; ".gz"
 * behind it packs. */
void archive_make(const char *file, const char *format, const Piece *pieces, size_t count);

/* A pax tar with one sparse file: `data` at `offset`, holes before it and up to `size`. */
void archive_make_sparse(const char *file, const char *path, int64_t size, int64_t offset,
                         const char *data);

/* A zip by hand, all of it stored, whose headers may lie. */
typedef struct {
    const char *path;
    const char *data;
    size_t claimed;      // bytes that the headers promise; 0: what there is
    uint16_t flags;      // 1: encrypted, 0x800: the name is UTF-8
    uint16_t method;     // 0: stored
    uint32_t crc_fault;  // bits of the checksum that are wrong
} ZipPiece;

void zip_make(const char *file, const ZipPiece *pieces, size_t count);

/* Any bytes as a file; the bytes of a file, from malloc. */
void file_make(const char *file, const void *bytes, size_t size);
uint8_t *file_bytes(const char *file, size_t *size);
/* A text file and the folders above it, below `folder`. */
void text_make(const char *folder, const char *path, const char *text);
