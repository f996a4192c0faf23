/* server/work/error_word.h -- an error's code as the word that clients see: of what a job or an
 * import failed. */
#pragma once
#include "core/base/error.h"

const char *error_word(ErrorCode code);
