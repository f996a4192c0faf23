/* core/data/decode/png_plain.h -- inside the room: the PNGs that most are, at once.
 *
 * Grey or colour with or without transparency, 8 bits a channel, not interlaced, no palette: what
 * is compressed lies in memory whole, and so does what comes out, which libdeflate does two to
 * three times as fast as zlib, a piece at a time, can.
 *
 * Only what is right in every respect is taken: checksums, lengths, filters. */
#pragma once
#include "core/data/decode/format.h"

/* False: another kind of PNG, or something is wrong with it, or memory is short. Nothing has
 * happened then, and libspng finds out which. Sets size, channels and pixels. */
bool decode_plain_png(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                      StoredPicture *picture);
