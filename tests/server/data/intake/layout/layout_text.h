/* tests/server/data/intake/layout/layout_text.h -- the layout of files as text, for comparing. */
#pragma once
#include <stddef.h>

#include "tests/server/scratch.h"

/* The layout of the source at `path`: "name: classes", "file: class split" for each item, "file:
 * code: reason" for what is left out, "! code: text" for each warning; or the message of what
 * refuses it, without the path. Valid until the next call. */
const char *layout_text_of(const char *path);

/* The same for a folder in which there are these files ("cats/1.jpg"), folders ("cats/") and texts
 * ("labels.csv=file,label\n"); and for the same as a zip in the opposite order, which must have the
 * same layout. */
const char *layout_text(const Scratch *scratch, const char *const *files, size_t count);
