// SPDX-License-Identifier: Apache-2.0
//
// Codecs (libpng, libjpeg-turbo, libwebp) and pixel loops behind plain functions. No decoder allocates what the
// caller did not agree to: the caller reads the dimensions from the header, checks them and hands in the
// pixels.
#ifndef DUET_IMAGE_CODECS_H
#define DUET_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

/// How a decoder ended.
typedef enum duet_image_status {
  DUET_IMAGE_OK = 0,
  /// The data ends too early.
  DUET_IMAGE_TRUNCATED,
  /// The data breaks the rules of its format.
  DUET_IMAGE_DAMAGED,
  /// Valid perhaps, but of a kind that the library cannot read.
  DUET_IMAGE_UNSUPPORTED,
  /// A limit on memory or work was met.
  DUET_IMAGE_TOO_LARGE,
} duet_image_status;

/// The bytes to hold a decoder's message, its final zero included.
#define DUET_IMAGE_MESSAGE_SIZE 200

/// Decodes a PNG of known dimensions to RGB8 (`rgb` holds 3 * width * height bytes). Grey is replicated,
/// palettes and low depths are expanded, of 16 bits the high byte is kept. Alpha is dropped, or with
/// `on_white` laid over white.
duet_image_status duet_png_decode(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                  int on_white, uint8_t *rgb, char *message);

/// What a JPEG decoder may use, and what it is to make.
typedef struct duet_jpeg_request {
  /// Dimensions of the result: those of the file times scale / 8, rounded up.
  uint32_t width, height;
  /// 1, 2, 4 or 8: the size in eighths at which each 8x8 block is reconstructed.
  int scale;
  /// Bytes that libjpeg may use for itself.
  long max_memory;
  /// Passes over the picture that the file may ask for.
  int max_scans;
} duet_jpeg_request;

/// Decodes a JPEG to RGB8 (`rgb` holds 3 * width * height bytes of the request).
duet_image_status duet_jpeg_decode(const uint8_t *bytes, size_t count, const duet_jpeg_request *request,
                                   uint8_t *rgb, char *message);

/// Decodes a WebP file, or the payload of one of its frames, of known dimensions to RGB8 rows `stride` bytes
/// apart. Alpha is dropped, or with `on_white` laid over white.
duet_image_status duet_webp_decode(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                   int on_white, uint8_t *rgb, size_t stride, size_t capacity,
                                   char *message);

/// Encodes RGB8 pixels (3 * width * height bytes) to a lossy WebP file of quality 0...100. Sides of more than
/// 16383 pixels are DUET_IMAGE_TOO_LARGE, and so is want of memory. On DUET_IMAGE_OK the caller gives `*file`
/// back to duet_webp_free; otherwise it is NULL.
duet_image_status duet_webp_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality,
                                   uint8_t **file, size_t *count, char *message);

/// Frees what duet_webp_encode made; NULL is nothing.
void duet_webp_free(uint8_t *file);

/// Inflates a zlib stream into at most `capacity` bytes; more is DUET_IMAGE_TOO_LARGE.
duet_image_status duet_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity,
                               size_t *written);

/// Rearranges RGB8 pixels of an image stored with the EXIF `orientation` 1...8 to upright ones. `output`
/// holds 3 * width * height bytes; orientations 5...8 swap the dimensions.
void duet_orient_rgb(const uint8_t *pixels, size_t width, size_t height, int orientation, uint8_t *output);

/// Pillow's resampling filters.
typedef enum duet_filter {
  DUET_FILTER_NEAREST = 0,
  DUET_FILTER_BILINEAR,
  DUET_FILTER_BICUBIC,
  DUET_FILTER_LANCZOS,
} duet_filter;

/// A resize of a whole RGB8 image, of whose result only a window is computed.
typedef struct duet_resize {
  uint32_t source_width, source_height;
  /// The part of the source that becomes the result, in pixels from its left and upper edge (Pillow's `box`).
  double left_edge, top_edge, right_edge, bottom_edge;
  /// Dimensions of the whole result.
  uint32_t width, height;
  /// The wanted window of the result.
  uint32_t left, top, window_width, window_height;
  duet_filter filter;
  /// Not to use the CPU's vector instructions: same result, for tests.
  int scalar;
} duet_resize;

/// Resizes as Pillow 13 does, bit for bit. `output` holds 3 * window_width * window_height bytes. Returns
/// zero when there is no memory. The window must lie in the result, the part in the source, and
/// neither may be empty.
int duet_resize_rgb(const duet_resize *resize, const uint8_t *pixels, uint8_t *output);

#endif
