/* tests/core/data/packed/packed_fixture.h -- a small packed set in a folder of its own. */
#pragma once
#include "core/data/packed/packed.h"

enum {
    PACKED_CHANNELS = 3,
    PACKED_HEIGHT = 5,
    PACKED_WIDTH = 7,
    PACKED_BYTES = PACKED_CHANNELS * PACKED_HEIGHT * PACKED_WIDTH,
    PACKED_CLASSES = 6,
};

typedef struct {
    char parent[32];
    char folder[48];  // parent/set
} PackedPlace;

extern const PackedInfo PACKED_INFO;

PackedPlace packed_place(void);
void packed_place_remove(const PackedPlace *place);  // with all that is in it
int packed_place_entries(const PackedPlace *place);  // names in the parent

uint8_t packed_pixel(PackedSplit split, int picture, int i);
int packed_label(PackedSplit split, int picture);
bool packed_add_pictures(PackedWriter *w, PackedSplit split, int first, int count, Error *err);
/* Writes a whole set; `digest` may be NULL. */
bool packed_make(const char *folder, int train, int test, char *digest, Error *err);

/* Replaces, in the index's text, the first `old` by `new`, and sets digest and checksum right. */
void packed_edit(const char *folder, const char *old, const char *new);
