/* server/data/decoder/traits.h -- what the report wants to know of a picture, computed once, where
 * its pixels are at hand: in the decoder's process. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { TRAIT_CHANNELS = 3 };

typedef struct {
    uint64_t phash;                    // of the prepared pixels
    uint8_t one_colour;                // 1: all prepared pixels are equal
    uint64_t sum[TRAIT_CHANNELS];      // of each channel's values, 0 to 255
    uint64_t squares[TRAIT_CHANNELS];  // of their squares
} Traits;

typedef struct TraitsMaker TraitsMaker;

TraitsMaker *traits_maker_new(int size, int channels);
void traits_maker_free(TraitsMaker *m);  // takes NULL

/* Of `pixels` (size, size, channels). */
void traits_of(TraitsMaker *m, const uint8_t *pixels, Traits *traits);
