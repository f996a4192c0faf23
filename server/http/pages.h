/* server/http/pages.h -- the dashboard's files.
 *
 * Only files that were in the folder when the daemon started are ever opened, by the names found
 * then: what a client sends is compared with those names and never reaches the file system. Their
 * content is read anew for each request, so that an edited page shows at once.
 */
#pragma once
#include "server/http/response.h"

typedef struct Pages Pages;

/* Lists `folder` and the folders in it; names that start with a dot, symbolic links and unknown
 * types of file are left out. ERR_NOT_FOUND, ERR_IO: it cannot be read. */
bool pages_new(const char *folder, Pages **pages, Error *err);
void pages_free(Pages *pages);  // takes NULL

bool pages_has(const Pages *pages, const char *path);  // "/", "/app.js", "/vendor/uPlot.min.css"

/* The file for `path`; ERR_NOT_FOUND if there is none, ERR_IO if it cannot be read now. */
bool pages_get(const Pages *pages, const char *path, Response *res, Error *err);
