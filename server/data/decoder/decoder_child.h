/* server/data/decoder/decoder_child.h -- the life of a decoder process. */
#pragma once
#include "server/data/decoder/decoder_protocol.h"

/* How a picture is prepared: prepare_picture of core/data/decode/prepare.h; tests have others. */
typedef bool PreparePicture(const uint8_t *bytes, size_t size, const ImageSpec *spec,
                            const DecodeLimits *limits, uint8_t *dst, PictureFacts *facts,
                            Error *err);

/* Enter the sandbox and answer requests until the parent closes the socket. Ends the process: 0, or
 * 1 where it was not started as decoder_protocol.h says. */
_Noreturn void decoder_child_run(PreparePicture *prepare);
