/* server/api/path_headers.h -- what a protocol asks of every answer under its path, also of those
 * that no handler made. */
#pragma once
#include "server/api/app.h"

/* Tus headers under /v1/uploads; under /v2 the member "error" of a problem. */
void add_path_headers(const App *app, const char *method, const char *path, Response *res);
