/* server/store/rows_model.h -- what the store keeps of trained models: names, their versions, and
 * the aliases that point at versions.
 *
 * A version never changes once it is there. Neither the id of a model nor the number of a version
 * is used again; a name is, once its model is gone.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/rows_dataset.h"

enum {
    MODEL_NAME = 65,      // bytes of a name, with the final NUL
    MODEL_ALIAS = 33,     // of an alias
    MODEL_WORD = 32,      // of a short word
    MODEL_NUMBERS = 320,  // of a normalization as text (core/data/normalization.h)
};

/* A copy of what is known of a version; version_row_free takes its texts back. Whatever is not
 * known, as of weights from elsewhere, is 0, "" or the JSON null. */
typedef struct {
    int64_t id;  // of the row
    int64_t model_id, version;
    struct {
        char kind[MODEL_WORD];  // "job" or "upload"
        int64_t job_id, step;   // of the checkpoint that it was
    } source;
    int64_t bytes;    // of its file
    char sha256[65];  // of the same, in hexadecimal
    char network[MODEL_WORD];
    int channels, image_size, classes;
    char normalization[MODEL_NUMBERS];
    char *class_names;  // JSON array of texts, or null
    char *image;        // JSON object {"channels","size","fit","filter"}: what pictures became
    struct {
        int64_t id;  // 0: a known one, whose id is its name
        char name[DATASET_NAME], digest[DATASET_DIGEST];
    } dataset;
    char *metrics;      // JSON object: the epoch of its checkpoint
    char *settings;     // JSON object: of the job
    char *environment;  // JSON object: where it was trained
    char *evaluation;   // JSON object: its newest evaluation
    int missing;        // 1: its file is gone
    int64_t created_at;
    char *damage;  // which text of it is no JSON, as a sentence; NULL: none. See row_whole
} VersionRow;

void version_row_free(VersionRow *version);  // the texts in it, not the struct

typedef struct {
    int64_t id;
    char name[MODEL_NAME];
    char *metadata;        // JSON object of strings
    int64_t last_version;  // the greatest number ever given
    int64_t created_at, updated_at;
    char *damage;  // which text of it is no JSON, as a sentence; NULL: none. See row_whole
} ModelRow;

void model_row_free(ModelRow *model);

typedef struct {
    VersionRow *items;
    size_t count;
} VersionList;

void version_list_free(VersionList *list);

typedef struct {
    char alias[MODEL_ALIAS];
    int64_t version;
} AliasRow;

typedef struct {
    AliasRow *items;
    size_t count;
} AliasList;

void alias_list_free(AliasList *list);

typedef struct {
    int64_t after;     // last id of the page before; 0: from the newest
    int limit;         // 1 to 1000
    const char *name;  // a part of it, in any case of ASCII letters; NULL: any
} ModelQuery;

typedef struct {
    ModelRow *items;
    size_t count;
    bool has_more;
} ModelList;

void model_list_free(ModelList *list);

/* A file that is to be deleted: of one version, or the folder of a model. */
typedef struct {
    int64_t model_id, version;  // version 0: all of it
} ModelRemoval;

typedef struct {
    ModelRemoval *items;
    size_t count;
} ModelRemovalList;

void model_removal_list_free(ModelRemovalList *list);

/* Letters, digits, "-", "_" and ".", and neither "." nor "..". An alias also has a character that
 * is no digit. */
bool model_name_valid(const char *name);
bool model_alias_valid(const char *alias);
