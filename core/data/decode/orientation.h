/* core/data/decode/orientation.h -- inside the room: how a camera was held, and turning it back.
 *
 * Source   EXIF 2.32, tag 274 (Orientation): 1 upright, 2 mirrored, 3 upside down, 4 both, 5 to 8
 *          the same with rows and columns exchanged.
 */
#pragma once
#include "core/data/decode/format.h"

/* The orientation in a block of EXIF data, with or without "Exif\0\0" before it; 1 where there is
 * none that makes sense, for a picture must not be lost for its label. */
int exif_orientation(const uint8_t *bytes, size_t size);

/* Turn the picture upright, in new memory. On failure it stays as it was. */
bool turn_upright(StoredPicture *picture, Error *err);
