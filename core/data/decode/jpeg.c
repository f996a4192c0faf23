/* DESIGN
 * libjpeg reports a fault by a call that may not return: it jumps back to decode_jpeg, which frees
 * all there is. All that lives across the jump is in one struct.
 *
 * Of its warnings, those that say that pixels are missing or made up are faults here: half a
 * picture in grey must not train a network. The others (a wrong version number, stray bytes between
 * segments) are ignored, as Pillow does. The end marker is asked for, also as Pillow does.
 */
#include <stdio.h>
// jpeglib.h wants the one above, and jerror.h what that defines.
#include <jpeglib.h>
// In this order.
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/decode/colour.h"
#include "core/data/decode/fit.h"
#include "core/data/decode/format.h"
#include "core/data/decode/orientation.h"

static const char NAME[] = "JPEG";

enum { MOST_SCANS = 500 };  // of a progressive picture: each one goes through all of it

typedef struct {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    StoredPicture *picture;
    const DecodeLimits *limits;
    Error *err;
} Jpeg;

/* Fill the error and leave decode_jpeg's protected part. */
_Noreturn static void give_up(Jpeg *j)
{
    const int code = j->errors.msg_code;
    if (code == JERR_OUT_OF_MEMORY) {
        fail(j->err, ERR_NO_MEMORY, "no memory to decode a JPEG");
    } else if (code == JERR_NO_BACKING_STORE) {
        fail_as(j->err, ERR_INVALID, "picture_too_large",
                "the JPEG takes more memory than the %lld bytes that are allowed",
                (long long)j->limits->max_memory);
    } else if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JERR_INPUT_EOF
               || code == JERR_INPUT_EMPTY) {
        fail_truncated(j->err, NAME);
    } else {
        char text[JMSG_LENGTH_MAX];
        j->errors.format_message((j_common_ptr)&j->info, text);
        fail_damaged(j->err, NAME, text);
    }
    longjmp(j->escape, 1);
}

static void on_error(j_common_ptr info)
{
    give_up(info->client_data);
}

static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        give_up(info->client_data);
    default:
        break;
    }
}

static void on_progress(j_common_ptr info)
{
    Jpeg *j = info->client_data;
    if (j->info.input_scan_number > MOST_SCANS) {
        fail_damaged(j->err, NAME, "it has too many scans");
        longjmp(j->escape, 1);
    }
}

static void read_orientation(Jpeg *j)
{
    static const char EXIF[6] = "Exif\0";
    for (jpeg_saved_marker_ptr m = j->info.marker_list; m; m = m->next)
        if (m->data_length >= sizeof EXIF && memcmp(m->data, EXIF, sizeof EXIF) == 0) {
            j->picture->orientation = exif_orientation(m->data, m->data_length);
            return;
        }
}

/* What to decode to, and whether it is taken at all. */
static bool choose_colours(Jpeg *j)
{
    static const J_COLOR_SPACE BY_COMPONENTS[] = {
        [1] = JCS_GRAYSCALE, [3] = JCS_RGB, [4] = JCS_CMYK};
    const int components = j->info.num_components;
    if (components != 1 && components != 3 && components != 4)
        return fail_as(j->err, ERR_INVALID, "picture_format",
                       "a JPEG of %d colour components: 1, 3 and 4 are taken", components);
    j->info.out_color_space = BY_COMPONENTS[components];
    j->picture->channels = components == 1 ? 1 : 3;
    j->picture->width = (int)j->info.image_width;
    j->picture->height = (int)j->info.image_height;
    // A progressive picture's coefficients are kept whole: two bytes for each sample.
    const int kept = jpeg_has_multiple_scans(&j->info) ? 2 * components : 0;
    return size_allowed(j->limits, NAME, j->picture->width, j->picture->height,
                        j->picture->channels + kept, j->err);
}

/* Leave out columns that are not asked for; they are read, but not transformed. The first column
 * that is decoded. */
static JDIMENSION crop_columns(Jpeg *j)
{
    // The upsampling takes the borders of what is decoded for the picture's.
    enum { BORDER = 2, LEAST = 64 };
    const StoredPicture *p = j->picture;
    int first, end;
    if (!p->spec || jpeg_has_multiple_scans(&j->info))
        return 0;
    fit_columns(p->spec, p->height, p->width, &first, &end);
    first -= BORDER;
    end += BORDER;
    if (first <= 0 || end - first < LEAST)
        return 0;
    JDIMENSION left = (JDIMENSION)first, width = (JDIMENSION)(end - first);
    jpeg_crop_scanline(&j->info, &left, &width);
    return left;
}

static void read_rows(Jpeg *j)
{
    StoredPicture *p = j->picture;
    const size_t left = crop_columns(j) * (size_t)p->channels;
    const size_t row_bytes = (size_t)p->width * (size_t)p->channels;
    JSAMPARRAY cmyk = NULL;
    if (j->info.out_color_space == JCS_CMYK)
        cmyk = j->info.mem->alloc_sarray((j_common_ptr)&j->info, JPOOL_IMAGE,
                                         4 * j->info.image_width, 1);
    while (j->info.output_scanline < j->info.output_height) {
        uint8_t *row = p->pixels + j->info.output_scanline * row_bytes + left;
        if (jpeg_read_scanlines(&j->info, cmyk ? cmyk : &row, 1) == 1 && cmyk)
            inverted_cmyk_to_rgb(cmyk[0], j->info.output_width, row);
    }
}

/* What may jump away; false with the error filled. */
static bool run(Jpeg *j, const uint8_t *bytes, size_t size)
{
    jpeg_create_decompress(&j->info);
    j->info.client_data = j;
    j->info.progress = &j->progress;
    const int64_t most = j->limits->max_memory;
    j->info.mem->max_memory_to_use = most;
    jpeg_save_markers(&j->info, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(&j->info, bytes, size);
    jpeg_read_header(&j->info, TRUE);
    if (!choose_colours(j))
        return false;
    read_orientation(j);
    jpeg_start_decompress(&j->info);
    j->picture->pixels =
        pixels_new(j->picture->width, j->picture->height, j->picture->channels, j->err);
    if (!j->picture->pixels)
        return false;
    read_rows(j);
    jpeg_finish_decompress(&j->info);
    return true;
}

bool decode_jpeg(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                 StoredPicture *picture, Error *err)
{
    Jpeg j = {.picture = picture, .limits = limits, .err = err};
    j.info.err = jpeg_std_error(&j.errors);
    j.info.client_data = &j;
    j.errors.error_exit = on_error;
    j.errors.emit_message = on_message;
    j.progress.progress_monitor = on_progress;
    const bool ok = setjmp(j.escape) == 0 && run(&j, bytes, size);
    jpeg_destroy_decompress(&j.info);
    if (!ok) {
        free(picture->pixels);
        picture->pixels = NULL;
    }
    return ok;
}
