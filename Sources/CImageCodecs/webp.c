// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <stdlib.h>
#include <webp/decode.h>
#include <webp/encode.h>

static duet_image_status status_of(VP8StatusCode code, char *message) {
  switch (code) {
  case VP8_STATUS_OK: return DUET_IMAGE_OK;
  case VP8_STATUS_OUT_OF_MEMORY:
    return duet_image_fail(DUET_IMAGE_TOO_LARGE, message, "the picture needs more memory than there is");
  case VP8_STATUS_SUSPENDED:
  case VP8_STATUS_NOT_ENOUGH_DATA:
    return duet_image_fail(DUET_IMAGE_TRUNCATED, message, "the file ends inside the picture");
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return duet_image_fail(DUET_IMAGE_UNSUPPORTED, message, "a WebP feature that libwebp does not support");
  default: return duet_image_fail(DUET_IMAGE_DAMAGED, message, "the WebP bit stream is damaged");
  }
}

/// Decodes into rows of the caller's, all or nothing.
static VP8StatusCode decode(WebPDecoderConfig *config, WEBP_CSP_MODE mode, const uint8_t *bytes, size_t count,
                            uint8_t *rows, size_t stride, size_t capacity) {
  config->output.colorspace = mode;
  config->output.is_external_memory = 1;
  config->output.u.RGBA.rgba = rows;
  config->output.u.RGBA.stride = (int)stride;
  config->output.u.RGBA.size = capacity;
  VP8StatusCode code = WebPDecode(bytes, count, config);
  WebPFreeDecBuffer(&config->output);
  return code;
}

duet_image_status duet_webp_decode(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                   int on_white, uint8_t *rgb, size_t stride, size_t capacity,
                                   char *message) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return duet_image_fail(DUET_IMAGE_UNSUPPORTED, message, "libwebp has another version than its headers");
  }
  VP8StatusCode code = WebPGetFeatures(bytes, count, &config.input);
  if (code != VP8_STATUS_OK) return status_of(code, message);
  if ((uint32_t)config.input.width != width || (uint32_t)config.input.height != height) {
    return duet_image_fail(DUET_IMAGE_DAMAGED, message, "the header says two different dimensions");
  }
  if (!on_white || !config.input.has_alpha) {
    return status_of(decode(&config, MODE_RGB, bytes, count, rgb, stride, capacity), message);
  }
  size_t row_bytes = (size_t)width * 4;
  uint8_t *rgba = malloc(row_bytes * height);
  if (rgba == NULL) return status_of(VP8_STATUS_OUT_OF_MEMORY, message);
  code = decode(&config, MODE_RGBA, bytes, count, rgba, row_bytes, row_bytes * height);
  if (code == VP8_STATUS_OK) {
    for (uint32_t y = 0; y < height; y++) {
      duet_flatten_on_white(rgba + y * row_bytes, width, rgb + y * stride);
    }
  }
  free(rgba);
  return status_of(code, message);
}

duet_image_status duet_webp_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality,
                                   uint8_t **file, size_t *count, char *message) {
  *file = NULL;
  *count = 0;
  if (width == 0 || height == 0 || width > WEBP_MAX_DIMENSION || height > WEBP_MAX_DIMENSION) {
    return duet_image_fail(DUET_IMAGE_TOO_LARGE, message, "a side of a WebP has 1 to 16383 pixels");
  }
  *count = WebPEncodeRGB(rgb, (int)width, (int)height, (int)width * 3, (float)quality, file);
  if (*count > 0) return DUET_IMAGE_OK;
  duet_webp_free(*file);
  *file = NULL;
  // Of what can go wrong in the encoder, only this is left.
  return duet_image_fail(DUET_IMAGE_TOO_LARGE, message, "encoding needs more memory than there is");
}

void duet_webp_free(uint8_t *file) { WebPFree(file); }
