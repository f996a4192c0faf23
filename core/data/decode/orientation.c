#include "core/data/decode/orientation.h"

#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { EXIF_MOST = 1 << 16 };  // a JPEG segment's length; nothing past it is read

static const uint8_t EXIF_HEAD[6] = "Exif\0";

static int entry_value(const ExifData *data)
{
    const ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 || entry->size < 2)
        return 1;
    const int value = exif_get_short(entry->data, exif_data_get_byte_order((ExifData *)data));
    return value >= 1 && value <= 8 ? value : 1;
}

int exif_orientation(const uint8_t *bytes, size_t size)
{
    const size_t head = size >= sizeof EXIF_HEAD && memcmp(bytes, EXIF_HEAD, sizeof EXIF_HEAD) == 0
                            ? sizeof EXIF_HEAD
                            : 0;
    size_t length = size - head;
    length = length > EXIF_MOST ? EXIF_MOST : length;
    uint8_t *block = malloc(sizeof EXIF_HEAD + length);
    ExifData *data = exif_data_new();
    int orientation = 1;
    if (block && data) {
        memcpy(block, EXIF_HEAD, sizeof EXIF_HEAD);
        memcpy(block + sizeof EXIF_HEAD, bytes + head, length);
        // Nothing is to be mended: entries that the standard wants are of no use here.
        exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
        exif_data_load_data(data, block, (unsigned)(sizeof EXIF_HEAD + length));
        orientation = entry_value(data);
    }
    exif_data_unref(data);
    free(block);
    return orientation;
}

/* Where the source of upright pixel (0, 0) lies, and how far it moves with x and y, in bytes. */
typedef struct {
    ptrdiff_t first, by_x, by_y;
} Walk;

static Walk walk_of(const StoredPicture *p)
{
    static const struct {
        bool exchanged, from_right, from_bottom;
    } TURNS[] = {
        [1] = {0, 0, 0}, [2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1},
        [5] = {1, 0, 0}, [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0},
    };
    const ptrdiff_t pixel = p->channels, row = p->width * pixel;
    const bool right = TURNS[p->orientation].from_right, bottom = TURNS[p->orientation].from_bottom;
    const ptrdiff_t column_step = right ? -pixel : pixel, row_step = bottom ? -row : row;
    return (Walk){
        .first = (right ? row - pixel : 0) + (bottom ? row * (p->height - 1) : 0),
        .by_x = TURNS[p->orientation].exchanged ? row_step : column_step,
        .by_y = TURNS[p->orientation].exchanged ? column_step : row_step,
    };
}

static inline __attribute__((always_inline)) void copy_block(const uint8_t *src, Walk walk,
                                                             int channels, int width, int height,
                                                             uint8_t *dst, size_t dst_row)
{
    for (int y = 0; y < height; y++, src += walk.by_y, dst += dst_row) {
        const uint8_t *from = src;
        for (int x = 0; x < width; x++, from += walk.by_x)
            for (int c = 0; c < channels; c++)
                dst[x * channels + c] = from[c];
    }
}

/* In blocks, so that neither side walks through memory by whole rows. */
static void turn(const StoredPicture *p, int width, int height, uint8_t *dst)
{
    enum { BLOCK = 32 };
    const Walk walk = walk_of(p);
    const size_t dst_row = (size_t)width * (size_t)p->channels;
    for (int y = 0; y < height; y += BLOCK)
        for (int x = 0; x < width; x += BLOCK) {
            const int w = width - x < BLOCK ? width - x : BLOCK;
            const int h = height - y < BLOCK ? height - y : BLOCK;
            const uint8_t *src = p->pixels + walk.first + x * walk.by_x + y * walk.by_y;
            uint8_t *to = dst + (size_t)y * dst_row + (size_t)(x * p->channels);
            if (p->channels == 3)
                copy_block(src, walk, 3, w, h, to, dst_row);
            else
                copy_block(src, walk, 1, w, h, to, dst_row);
        }
}

bool turn_upright(StoredPicture *p, Error *err)
{
    if (p->orientation == 1)
        return true;
    const bool exchanged = p->orientation >= 5;
    const int width = exchanged ? p->height : p->width, height = exchanged ? p->width : p->height;
    uint8_t *dst = pixels_new(width, height, p->channels, err);
    if (!dst)
        return false;
    turn(p, width, height, dst);
    free(p->pixels);
    *p = (StoredPicture){p->spec, width, height, p->channels, 1, dst};
    return true;
}
