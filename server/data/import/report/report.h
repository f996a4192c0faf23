/* server/data/import/report/report.h -- what an import found.
 *
 * Everything is named: each file that was left out and why, each class, each duplicate. Texts are
 * UTF-8 without control characters, whatever the files were called.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/data/decode/image_spec.h"
#include "core/data/packed/packed_index.h"
#include "server/data/decoder/traits.h"
#include "server/data/intake/layout/layout.h"

typedef struct {
    char *path;  // in the source; "train-images-idx3-ubyte[17]" in a file of many
    int32_t label;
    PackedSplit split;
    int32_t index;      // in its split
    int width, height;  // of the file's picture
} ReportPicture;

typedef struct {
    char *name;
    int counts[PACKED_SPLITS];
} ReportClass;

typedef struct {
    const char *code;
    int64_t count;
} ReportCount;

typedef struct {
    bool same_pixels;       // equal as prepared; else alike by their perceptual hash
    bool across_splits;     // members are in training and in test
    bool different_labels;  // members are of several classes
    size_t first, count;    // its members: members[first .. first + count)
} ReportGroup;

typedef struct {
    const char *code;  // a literal: "few_pictures"
    char *text;        // a sentence without a full stop
} ReportWarning;

// Training pictures of the largest class for each one of the smallest from which on classes are
// advised to be weighed.
#define IMBALANCE_ADVICE 2.0

typedef struct ImportReport {
    char layout[32];  // "class_folders"
    char source[16];  // "folder", "zip", ...
    ImageSpec image;
    bool split_given;  // by the source; else it was drawn:
    double test_share;
    uint64_t seed;

    ReportClass *classes;  // in the order of the labels
    int class_count;
    int64_t counts[PACKED_SPLITS];
    ReportPicture *pictures;  // that are in the set, in the order of their paths
    size_t picture_count;

    LeftOutList left_out;  // by path
    ReportCount *reasons;  // of left_out by code, the most frequent first
    size_t reason_count;
    ReportCount *formats;  // of the pictures, likewise: "jpeg", "png", ...
    size_t format_count;

    size_t smallest, median, largest;  // by the area of the files' pictures: index in pictures
    size_t enlarged;                   // pictures whose shorter side is below the image size

    ReportGroup *groups;  // of duplicates; those across the splits first, then those of several
    size_t group_count;   // classes, then those of equal pixels
    size_t *members;      // index in pictures
    size_t member_count;
    size_t *one_colour;  // index in pictures
    size_t one_colour_count;
    bool near_complete;  // the search for near duplicates was not cut short

    double mean[TRAIT_CHANNELS];       // of the training split, pixels from 0 to 1
    double deviation[TRAIT_CHANNELS];  // of single pixels, by the whole split

    double imbalance;  // training pictures of the largest class for each one of the smallest that
                       // has some
    int walls;         // SandboxWalls of the decoders; -1: there were none
    ReportWarning *warnings;
    size_t warning_count, warning_room;

    char digest[PACKED_DIGEST];  // of the packed set; "" before it is finished

    char **words;  // codes and formats that decoders named, each once
    size_t word_count;
} ImportReport;

void import_report_free(ImportReport *report);  // not the struct itself

/* The report's own copy of a word. */
const char *import_report_word(ImportReport *report, const char *word);
void import_report_warn(ImportReport *report, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* All of it as one JSON object with a newline behind it; long sets make long reports. False: the
 * stream has failed. */
bool import_report_json(const ImportReport *report, FILE *out);
