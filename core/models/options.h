/* core/models/options.h -- what may differ from one graph of a model to the next, besides the
 * image.
 *
 * Every block of a network has channels of its own, which the model's file states. A job may give
 * others, by the block's name; builders of blocks look them up, so that models need no `if`.
 */
#pragma once

/* The channels of an Inception block's four paths. What stands where is the block's affair; these
 * are the words of the first one, Szegedy et al. 2015, Figure 2(b). */
typedef struct {
    int c1;     // 1x1
    int c2[2];  // 1x1, then 3x3
    int c3[2];  // 1x1, then 5x5
    int c4;     // 3x3 max pool, then 1x1
} Inception;

enum {
    MODEL_MAX_BLOCKS = 16,
    MODEL_BLOCK_NAME = 16,            // bytes, with the final NUL
    MODEL_MAX_BLOCK_CHANNELS = 4096,  // of one path
};

typedef struct {
    char name[MODEL_BLOCK_NAME];  // "2.0"
    Inception channels;
} InceptionBlock;

typedef struct {
    InceptionBlock items[MODEL_MAX_BLOCKS];
    int count;
} BlockList;

typedef struct {
    int classes;
    const BlockList *blocks;  // channels given instead of the model's own; NULL: none
    BlockList *built;  // gets the blocks that were built, with their channels; NULL: not asked
} ModelOptions;

const InceptionBlock *block_find(const BlockList *list, const char *name);  // NULL if there is none
