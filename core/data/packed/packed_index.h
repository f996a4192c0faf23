/* core/data/packed/packed_index.h -- set.index, the text that says what a packed set is.
 *
 *   googlenetd packed set 1
 *   image 3 96 96                           channels, height, width
 *   note fit crop                           how the pictures were made, as the importer tells it
 *   class T-shirt/top                       one line for each, in the order of the labels
 *   train 60000                             pictures
 *   test 10000
 *   sha256 train.pixels <64 hexadecimal digits>
 *   sha256 train.labels ...
 *   sha256 test.pixels ...
 *   sha256 test.labels ...
 *   digest <64 digits>
 *   checksum <64 digits>
 *
 * in this order, each line ended by one newline. Names and values are UTF-8; a backslash is written
 * \\ and a control character (0 to 31, 127) \xNN, so a line is a line whatever a class is called.
 * The digest is the SHA-256 of all lines above it but the notes: it names pixels, labels and class
 * names, however they were made. The checksum is the SHA-256 of every line above it, and nothing
 * follows it.
 *
 * Errors   ERR_DAMAGED: not such a text; the message names the line. ERR_INVALID, of
 *          packed_info_check: what cannot be written. ERR_NO_MEMORY.
 */
#pragma once
#include <stddef.h>

#include "core/base/error.h"
#include "core/graph/shape.h"

enum {
    PACKED_MAX_CLASSES = 65535,
    PACKED_MAX_CHANNELS = 4,
    PACKED_MAX_SIDE = 4096,  // pixels
    PACKED_MAX_NAME = 1000,  // bytes of a class name or a note's value
    PACKED_MAX_NOTES = 100,
    PACKED_MAX_INDEX = 1 << 28,  // bytes of the whole text
    PACKED_DIGEST = 65,          // hexadecimal digits and a NUL
};

typedef enum { PACKED_TRAIN, PACKED_TEST, PACKED_SPLITS } PackedSplit;
typedef enum {
    PACKED_TRAIN_PIXELS,
    PACKED_TRAIN_LABELS,
    PACKED_TEST_PIXELS,
    PACKED_TEST_LABELS,
    PACKED_FILES
} PackedFile;
extern const char *const PACKED_FILE_NAMES[PACKED_FILES];  // "train.pixels"
#define PACKED_INDEX_NAME "set.index"
#define PACKED_MAGIC      "googlenetd packed set "

typedef struct {
    const char *key;    // a to z, 0 to 9 and _, up to 40
    const char *value;  // UTF-8
} PackedNote;

/* What is known before the first picture comes. */
typedef struct {
    Shape image;
    int classes;
    const char *const *class_names;  // no two the same, none empty
    const PackedNote *notes;         // no two keys the same
    int note_count;
} PackedInfo;

typedef struct PackedIndex {
    PackedInfo info;
    int counts[PACKED_SPLITS];
    char sha256[PACKED_FILES][PACKED_DIGEST];
    char digest[PACKED_DIGEST];
} PackedIndex;

bool packed_info_check(const PackedInfo *info, Error *err);

/* The text, from malloc; `index->digest` is filled in. `index->info` has passed the check. */
bool packed_index_text(PackedIndex *index, char **text, size_t *size, Error *err);
/* `label` stands for the file in messages. */
bool packed_index_parse(const char *label, const char *text, size_t size, PackedIndex **index,
                        Error *err);
void packed_index_free(PackedIndex *index);  // one that parse has made; takes NULL
/* Names and notes that are all from malloc. */
void packed_info_free(PackedInfo *info);

/* The value of a note; NULL: there is none. */
const char *packed_note(const PackedIndex *index, const char *key);
