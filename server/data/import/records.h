/* server/data/import/records.h -- an import under way: one record for each item of the layout. */
#pragma once
#include "core/data/packed/packed_index.h"
#include "server/data/decoder/decoder.h"
#include "server/data/intake/layout/layout.h"

typedef struct {
    bool kept;  // its pixels are staged
    bool left;  // it is among the left out
    Traits traits;
    int width, height;
    const char *format;  // import_report_word
    PackedSplit split;
    size_t same;  // least index of a record with equal pixels
    size_t near;  // least index of a record of its group of near ones
} Record;

typedef struct {
    Record *items;
    size_t count;        // as the layout's items
    size_t kept;         // how many are
    bool near_complete;  // see near.h
} Records;
