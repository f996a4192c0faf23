#include "core/data/encode_png.h"

#include <spng.h>

bool png_encode(const Picture *p, uint8_t **png, size_t *size, Error *err)
{
    const size_t row_bytes = (size_t)p->width * (size_t)p->channels;
    struct spng_ihdr header = {
        .width = (uint32_t)p->width,
        .height = (uint32_t)p->height,
        .bit_depth = 8,
        .color_type = p->channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR,
    };
    if ((p->channels != 1 && p->channels != 3) || p->row_bytes != row_bytes)
        return fail(err, ERR_INVALID, "a picture of %d channels cannot become a PNG", p->channels);
    spng_ctx *context = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!context)
        return fail(err, ERR_NO_MEMORY, "no memory for a PNG");
    int code = spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
    if (code == 0)
        code = spng_set_ihdr(context, &header);
    if (code == 0)
        code = spng_encode_image(context, p->pixels, row_bytes * (size_t)p->height, SPNG_FMT_PNG,
                                 SPNG_ENCODE_FINALIZE);
    *png = code == 0 ? spng_get_png_buffer(context, size, &code) : NULL;
    spng_ctx_free(context);
    return code == 0 || fail(err, ERR_NO_MEMORY, "encode a PNG: %s", spng_strerror(code));
}
