#include "server/work/error_word.h"

const char *error_word(ErrorCode code)
{
    switch (code) {
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_IO:
        return "io";
    case ERR_NO_SPACE:
        return "disk_full";
    case ERR_DAMAGED:
        return "damaged";
    case ERR_NO_MEMORY:
        return "out_of_memory";
    case ERR_NUMERIC:
        return "not_a_number";
    case ERR_DNN:
        return "onednn";
    case ERR_NONE:
    case ERR_CONFLICT:
    case ERR_STOPPED:
        break;
    }
    return "internal";
}
