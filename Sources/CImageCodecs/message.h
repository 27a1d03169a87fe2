// SPDX-License-Identifier: Apache-2.0
#ifndef DUET_IMAGE_MESSAGE_H
#define DUET_IMAGE_MESSAGE_H

#include "include/CImageCodecs.h"

#include <stdio.h>

/// Ends a decoder: writes the message (cut to fit) and passes the status on.
static inline duet_image_status duet_image_fail(duet_image_status status, char *message, const char *text) {
  snprintf(message, DUET_IMAGE_MESSAGE_SIZE, "%s", text);
  return status;
}

/// Lays one colour value over white with Pillow's rounding (alpha_composite).
static inline uint8_t duet_over_white(uint8_t value, uint8_t alpha) {
  uint32_t t = ((uint32_t)value * alpha + 255u * (255u - alpha)) * 128u + (0x80u << 7);
  return (uint8_t)((((t >> 8) + t) >> 8) >> 7);
}

/// Turns RGBA pixels to RGB over white. `rgb` may be the same buffer as `rgba`.
static inline void duet_flatten_on_white(const uint8_t *rgba, size_t count, uint8_t *rgb) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t r = rgba[4 * i], g = rgba[4 * i + 1], b = rgba[4 * i + 2], a = rgba[4 * i + 3];
    rgb[3 * i] = duet_over_white(r, a);
    rgb[3 * i + 1] = duet_over_white(g, a);
    rgb[3 * i + 2] = duet_over_white(b, a);
  }
}

#endif
