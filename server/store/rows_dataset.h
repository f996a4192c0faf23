/* server/store/rows_dataset.h -- what the store keeps of the data sets that people bring.
 *
 *     waiting -> importing -> ready
 *                   |
 *                   v
 *                 failed          (also what was cancelled)
 *
 * A set never changes once it is ready, but for what it is called and what is noted of it. Its id
 * is never used again; its name is, once it is gone.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    DATASET_WAITING,    // for its content
    DATASET_IMPORTING,  // or queued for it
    DATASET_READY,
    DATASET_FAILED,
    DATASET_STATUSES,
} DatasetStatus;

extern const char *const DATASET_STATUS_NAMES[];  // by DatasetStatus, NULL-terminated

enum {
    DATASET_NAME = 129,     // bytes of a name, with the final NUL
    DATASET_ID = 32,        // of an id as text
    DATASET_WORD = 32,      // of a short word
    DATASET_TEXT = 512,     // of a sentence
    DATASET_SOURCE = 1024,  // of where it comes from
    DATASET_DIGEST = 80,    // of a digest as text
};

/* A copy of what is known of a set; dataset_row_free takes its texts back. Times are milliseconds
 * since 1970, 0 when they have not come yet; counts are 0 until it is ready. */
typedef struct {
    int64_t id;
    char name[DATASET_NAME];
    char *metadata;  // JSON object of texts
    DatasetStatus status;
    struct {
        char kind[DATASET_WORD];    // "folder", "upload" or "content"; "": none yet
        char what[DATASET_SOURCE];  // the folder below `imports`, the upload's id; "" for content
    } source;
    struct {
        int channels, size;
        char fit[DATASET_WORD], filter[DATASET_WORD];
    } image;
    double test_share;  // of pictures without a split of their own
    int64_t seed;
    int64_t class_count, train_count, test_count, left_out_count;
    char *classes;   // JSON array of {"name","train","test"}, by label
    char *warnings;  // JSON array of sentences
    int64_t bytes;   // of its files
    char digest[DATASET_DIGEST];
    struct {
        char code[DATASET_WORD];  // ""; "cancelled", "source_missing", ...
        char message[DATASET_TEXT];
    } error;
    int restart_count;  // imports that a death of the daemon ended
    int64_t created_at, started_at, finished_at;
    struct {
        int64_t done, total;  // of an import: total 0 as long as it is not known. Not stored
    } progress;
    char *damage;  // which text of it is no JSON, as a sentence; NULL: none. See row_whole
} DatasetRow;

void dataset_row_free(DatasetRow *set);  // the texts in it, not the struct

typedef struct {
    int64_t after;      // last id of the page before; 0: from the newest
    int limit;          // 1 to 1000
    unsigned statuses;  // bits 1u << DatasetStatus; 0: all
    const char *name;   // a part of it, in any case of ASCII letters; NULL: any
} DatasetQuery;

typedef struct {
    DatasetRow *items;
    size_t count;
    bool has_more;
} DatasetList;

void dataset_list_free(DatasetList *list);

typedef struct {
    int64_t *items;
    size_t count;
} IdList;

void id_list_free(IdList *list);
