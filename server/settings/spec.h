/* server/settings/spec.h -- the settings of one training, as clients write them.
 *
 * A job file of `googlenetd train` and the body of POST /v1/jobs are the same thing: a JSON object
 * in which every field has a default, and {} is the chapter's run. Reading one collects all its
 * faults, each with the JSON pointer of the field (RFC 6901), so that a client can correct them in
 * one go. An unknown field is a fault.
 */
#pragma once
#include <cJSON.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "core/train/trainer/trainer.h"
#include "server/base/faults.h"
#include "server/settings/spec_set.h"
#include "server/store/rows.h"

enum {
    SPEC_PATH = PATH_MAX,  // bytes of a data set's name or folder, and of a file
    NUMBER_LIST_MAX = NORMALIZATION_MAX_CHANNELS,
};

typedef struct {
    int count;
    double at[NUMBER_LIST_MAX];
} NumberList;

/* The model that a training starts from. */
typedef struct {
    char model[160];       // "shirts@3", of a daemon; "": another way
    char job[32];          // "job_7", of a daemon; "": another way
    char checkpoint[32];   // of the job: "best", "latest", "step_<n>"; "": "best"
    char file[SPEC_PATH];  // on the command line; "": another way
    char sha256[65];       // of the file, in hexadecimal; "": not looked at yet
} InitFrom;

bool init_given(const InitFrom *from);

typedef struct {
    char name[JOB_NAME];              // "" when the client gave none
    const Model *network;             // "googlenet"
    BlockList blocks;                 // channels given instead of the network's own: none
    char dataset[SPEC_PATH];          // "fashion_mnist", "set_3", or a folder where it is allowed
    SpecSet set;                      // what is known of it
    int image_size;                   // the network's default size
    Progressive progressive;          // progressive_resizing: from 0
    int epochs;                       // 10
    int batch_size;                   // 128
    int accumulation;                 // 1
    int shards;                       // 1
    bool sync;                        // false
    int ranks;                        // 1
    double learning_rate;             // optimizer.learning_rate, 0.1
    Optimizer optimizer;              // optimizer.name, "sgd", and what the table says
    bool decay_biases;                // optimizer.decay_biases, true
    double clip_norm;                 // optimizer.clip_norm; 0: off
    Averaging ema;                    // ema.decay, .warmup: 0, false
    Schedule schedule;                // schedule.type, "constant", and what the table says
    double label_smoothing;           // 0
    ClassWeights class_weights;       // "none"
    InitFrom init_from;               // of nothing
    FreezeType freeze;                // "none"
    double head_rate_factor;          // head_learning_rate_factor, 1
    Augmentation augmentation;        // nothing of it
    NormalizationType normalization;  // normalization.type, "none"
    NumberList mean, std;             // normalization.mean, .std: empty
    Precision precision;              // "auto"
    uint64_t seed;                    // 0; below 2^53, which JSON numbers hold exactly
    int threads;                      // 0: what the worker has
    int loader_threads;               // 0: by `threads`
    int train_limit, test_limit;      // 0: all
    double validation_split;          // 0: none is held out
    double max_seconds;               // 0: no budget
    int early_stopping_patience;      // epochs without improvement; 0: off
    double early_stopping_min_delta;  // 0
    int checkpoint_every_epochs;      // 1
    double checkpoint_every_seconds;  // 0: not by time
    int checkpoint_keep;              // 2, besides the best
    char register_as[MODEL_NAME];     // a model that the result becomes a version of; "": none
    bool evaluate;                    // true: the daemon, the best checkpoint, on the test split
    cJSON *metadata;                  // an object of strings, or NULL; owned
} JobSpec;

/* Where a spec comes from decides what it may name. */
typedef struct {
    bool allow_folders;    // the dataset may be a path (the command line); never for HTTP clients
    const SpecSets *sets;  // it may be one that people brought; NULL: it may not
} SpecRules;

/* Read `json` into *spec, which spec_free takes back. False if there are faults. Network, dataset
 * and image size are checked against each other by building the graph. */
bool spec_read(const cJSON *json, SpecRules rules, JobSpec *spec, Faults *faults);
void spec_free(JobSpec *spec);

/* The resolved settings, defaults filled in: what spec_read reads back to the same spec. */
cJSON *spec_to_json(const JobSpec *spec);

/* How many of `train_count` examples train; within half an example for each class, where some are
 * held out. */
int spec_train_examples(const JobSpec *spec, int train_count);

/* The graph that it trains, or one of the same blocks for another image. NULL as model_graph. */
Graph *spec_graph(const JobSpec *spec, Shape input, int classes, Error *err);

/* Everything a trainer needs of it, but for the dataset and the checkpoint's path. */
TrainConfig spec_train_config(const JobSpec *spec);

/* The table of fields: an array with a row for each, in the order of a form; and the same as lines
 * of text, "  epochs   10   passes over the training examples". */
cJSON *spec_fields_to_json(void);
void spec_fields_print(FILE *out);
