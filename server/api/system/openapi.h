/* server/api/system/openapi.h -- the API's description, openapi.json, as it was when this was
 * built. */
#pragma once
#include <stddef.h>

const char *openapi_text(size_t *size);
