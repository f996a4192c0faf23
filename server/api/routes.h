/* server/api/routes.h -- every call that this daemon answers, but for the dashboard's files. */
#pragma once
#include "server/http/router.h"

const Route *routes_table(size_t *count);
