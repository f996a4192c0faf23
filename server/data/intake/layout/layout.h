/* server/data/intake/layout/layout.h -- which file is a picture of what: from paths to labels.
 *
 * The table of layouts is in layout.c, one file for each; the first that knows the listing takes
 * it:
 *
 *   idx            train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-... of an MNIST-like set
 *   table          a CSV of file, label and optionally split
 *   split_folders  train/ and test/ (or val/, valid/, validation/), each with a folder per class
 *   class_folders  a folder per class
 *
 * A folder that wraps everything is skipped. Within a class's folder, files at any depth are the
 * class's. Classes are sorted by name bytewise, as torchvision's ImageFolder does; letters with
 * marks are composed before (core/base/nfc.h), so that macOS's folders are those of others.
 * A class without files is no class, and a warning. Where there is test/ and a validation folder
 * too, the latter's pictures are for training, and a warning: the trainer holds out a validation
 * split of its own. Names do not decide whether a file is a picture: the decoder does.
 *
 * Errors   ERR_INVALID: no layout knows it (the message shows what was found and what is expected),
 *          fewer than two classes, more than LAYOUT_MAX_CLASSES, or a fault in a table or IDX file.
 */
#pragma once
#include "core/data/mnist/idx.h"
#include "server/data/intake/source/source.h"

enum { LAYOUT_MAX_CLASSES = 65535 };

typedef enum { INTAKE_UNSET, INTAKE_TRAIN, INTAKE_TEST } IntakeSplit;

typedef struct {
    size_t entry;       // index in the listing
    int32_t picture;    // in a file of many pictures: its number; else -1
    int32_t label;      // index in classes
    IntakeSplit split;  // INTAKE_UNSET in all items, or in none
} LayoutItem;

/* Something that the owner of the set should know; it stops nothing. */
typedef struct {
    const char *code;  // a literal: "empty_class", "classes_differ_in_case", ...
    char *text;        // a sentence without a full stop
} LayoutWarning;

typedef struct {
    const char *name;  // of the layout, as in the table above
    char **classes;
    int class_count;
    LayoutItem *items;  // by entry, then picture
    size_t item_count, item_room;
    bool has_split;        // the items' split is given
    LeftOutList left_out;  // beside the listing's; sorted by path
    LayoutWarning *warnings;
    size_t warning_count;
    Idx images[2];  // idx only: of training and test; an item's pixels are (height, width) at its
                    // picture's number, one channel; `data` is NULL in every other layout
} Layout;

/* Reads tables and IDX files from the source, in passes of its own. Free it with layout_clear, also
 * after a failure. */
bool layout_find(Source *source, Layout *layout, Error *err);
void layout_clear(Layout *layout);

/* What names the item for a person: its path, "t10k-images-idx3-ubyte[17]" in a file of many; from
 * malloc. */
char *layout_item_name(const Listing *listing, const LayoutItem *item);
