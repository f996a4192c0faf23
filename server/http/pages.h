/* server/http/pages.h -- the dashboard's files.
 *
 * Only files that were in the folder when the daemon started are ever opened, by the names found
 * then: what a client sends is compared with those names and never reaches the file system. They
 * are answered from memory, where no disk can hold them up; pages_refresh, called now and then on a
 * thread that may wait, reads files that were edited.
 */
#pragma once
#include "server/http/message/response.h"

typedef struct Pages Pages;

/* Lists `folder` and the folders in it; names that start with a dot, symbolic links and unknown
 * types of file are left out. ERR_NOT_FOUND, ERR_IO: it or a file in it cannot be read.
 * ERR_INVALID: there is too much in it. */
bool pages_new(const char *folder, Pages **pages, Error *err);
void pages_free(Pages *pages);  // takes NULL

bool pages_has(const Pages *pages, const char *path);  // "/", "/app.js", "/vendor/uPlot.min.css"

/* Read again what has changed. One thread at a time. */
void pages_refresh(Pages *pages);

/* The file for `path`; ERR_NOT_FOUND if there is none. */
bool pages_get(Pages *pages, const char *path, Response *res, Error *err);
