/* core/data/decode/png_rows.h -- inside the room: PNG's filters (PNG specification, section 9),
 * undone. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PNG_ROW_SLACK = 4 };  // bytes that are read behind the last row

/* `rows` holds `height` rows, each a byte for its filter and `row_bytes` of samples of `pixel`
 * bytes, 1 to 4; the samples become what they were before they were filtered. False: there is no
 * such filter. */
bool png_rows_restore(uint8_t *rows, size_t height, size_t row_bytes, size_t pixel);
