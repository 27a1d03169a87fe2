// SPDX-License-Identifier: Apache-2.0
#include "include/CImageCodecs.h"

#include <limits.h>
#include <zlib.h>

duet_image_status duet_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity,
                               size_t *written) {
  *written = 0;
  if (count > UINT_MAX || capacity > UINT_MAX) return DUET_IMAGE_TOO_LARGE;
  z_stream stream = {.next_in = (Bytef *)bytes,
                     .avail_in = (uInt)count,
                     .next_out = output,
                     .avail_out = (uInt)capacity};
  if (inflateInit(&stream) != Z_OK) return DUET_IMAGE_TOO_LARGE;
  int code = inflate(&stream, Z_FINISH);
  *written = capacity - stream.avail_out;
  inflateEnd(&stream);
  if (code == Z_STREAM_END) return DUET_IMAGE_OK;
  if (stream.avail_out == 0) return DUET_IMAGE_TOO_LARGE;
  return code == Z_BUF_ERROR ? DUET_IMAGE_TRUNCATED : DUET_IMAGE_DAMAGED;
}
