#include "server/api/system/openapi.h"

/* The assembler puts the file into the program as it is; OPENAPI_FILE comes from CMake. */
__asm__(".pushsection .rodata\n"
        ".global googlenetd_openapi\n"
        "googlenetd_openapi:\n"
        ".incbin \"" OPENAPI_FILE "\"\n"
        ".global googlenetd_openapi_end\n"
        "googlenetd_openapi_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const char googlenetd_openapi[], googlenetd_openapi_end[];

const char *openapi_text(size_t *size)
{
    *size = (size_t)(googlenetd_openapi_end - googlenetd_openapi);
    return googlenetd_openapi;
}
