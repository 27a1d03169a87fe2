// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/// Everything that must survive libpng's longjmp.
typedef struct {
  const uint8_t *next;
  size_t left;
  uint8_t *rows; // RGBA, when alpha is wanted
  duet_image_status status;
  char *message;
  png_structp png;
  png_infop info;
} png_job;

static void on_error(png_structp png, png_const_charp text) {
  png_job *job = png_get_error_ptr(png);
  if (job->status == DUET_IMAGE_OK) job->status = duet_image_fail(DUET_IMAGE_DAMAGED, job->message, text);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  png_job *job = png_get_io_ptr(png);
  if (count > job->left) {
    job->status = duet_image_fail(DUET_IMAGE_TRUNCATED, job->message, "the file ends inside the picture");
    png_error(png, "end of data");
  }
  memcpy(target, job->next, count);
  job->next += count;
  job->left -= count;
}

/// Asks libpng for RGB8 or RGBA8 rows.
static void set_transforms(png_structp png, png_infop info, int wants_alpha) {
  int bit_depth = png_get_bit_depth(png, info), color = png_get_color_type(png, info);
  if (bit_depth == 16) png_set_strip_16(png);
  if (color == PNG_COLOR_TYPE_PALETTE) {
    png_set_palette_to_rgb(png); // black beyond its last entry, as in Pillow
  } else if (color == PNG_COLOR_TYPE_GRAY && bit_depth < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
  }
  if ((color & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
  if (!wants_alpha) {
    png_set_strip_alpha(png);
  } else {
    if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
    png_set_add_alpha(png, 0xFF, PNG_FILLER_AFTER);
  }
}

/// The part that libpng may leave by longjmp at any call.
static duet_image_status decode(png_job *job, uint32_t width, uint32_t height, int on_white, uint8_t *rgb) {
  if (setjmp(png_jmpbuf(job->png))) return job->status;
  png_structp png = job->png;
  png_infop info = job->info;
  png_set_user_limits(png, width, height);
  // Text, profiles and the like are not needed for pixels: never stored, never inflated.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_chunk_malloc_max(png, 1 << 20);
  png_set_read_fn(png, job, read_bytes);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height) {
    png_error(png, "the header says two different dimensions");
  }
  set_transforms(png, info, on_white);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);

  size_t row_bytes = (size_t)width * (on_white ? 4 : 3);
  if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "the rows have an unexpected length");
  uint8_t *rows = rgb;
  if (on_white) {
    rows = job->rows = malloc(row_bytes * height);
    if (rows == NULL) {
      job->status = duet_image_fail(DUET_IMAGE_TOO_LARGE, job->message, "no memory for the alpha channel");
      return job->status;
    }
  }
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t y = 0; y < height; y++) png_read_row(png, rows + y * row_bytes, NULL);
  }
  png_read_end(png, NULL);
  if (on_white) duet_flatten_on_white(rows, (size_t)width * height, rgb);
  return DUET_IMAGE_OK;
}

duet_image_status duet_png_decode(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                  int on_white, uint8_t *rgb, char *message) {
  png_job job = {.next = bytes, .left = count, .message = message};
  job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
  job.info = job.png != NULL ? png_create_info_struct(job.png) : NULL;
  if (job.info == NULL) {
    png_destroy_read_struct(&job.png, NULL, NULL);
    return duet_image_fail(DUET_IMAGE_TOO_LARGE, message, "no memory for the PNG decoder");
  }
  duet_image_status status = decode(&job, width, height, on_white, rgb);
  png_destroy_read_struct(&job.png, &job.info, NULL);
  free(job.rows);
  return status;
}
