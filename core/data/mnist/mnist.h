/* core/data/mnist/mnist.h -- sets of the MNIST family: a folder with four IDX files.
 *
 *   train-images-idx3-ubyte  train-labels-idx1-ubyte
 *   t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
 *
 * each plain or with .gz behind the name; the plain file is read where both exist.
 *
 * Errors   as dataset.h. Counts of labels and images that differ, splits of different image sizes,
 *          a label beyond the classes, or images unlike those of the known set: ERR_INVALID.
 */
#pragma once
#include "core/data/dataset.h"

/* `known` gives name, classes and image of a set from the table; NULL: the set is named as its
 * folder, has as many classes as its training labels need, and those are named "0", "1", ... */
bool mnist_open(const char *folder, const DatasetInfo *known, Dataset **dataset, Error *err);

/* Whether the four files are there and may be read; nothing in them is looked at. */
bool mnist_present(const char *folder, const DatasetInfo *known, Error *err);

/* None of the four files is there, in neither form; false too where that cannot be told. */
bool mnist_is_absent(const char *folder);

/* Examples of each class by the labels of the files, which alone are read: known->classes of them
 * into `train` and into `test`. */
bool mnist_count_classes(const char *folder, const DatasetInfo *known, int64_t *train,
                         int64_t *test, Error *err);
