// SPDX-License-Identifier: Apache-2.0
#include "message.h"

// stdio.h (from message.h) has to come before jpeglib.h.
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>

/// Everything that must survive the jump out of libjpeg, reached through the managers' client data.
typedef struct {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  const duet_jpeg_request *request;
  uint8_t *cmyk_row;
  duet_image_status status;
  char *message;
} jpeg_job;

_Noreturn static void leave(jpeg_job *job, duet_image_status status, const char *text) {
  job->status = duet_image_fail(status, job->message, text);
  longjmp(job->escape, 1);
}

static void on_error(j_common_ptr info) {
  jpeg_job *job = info->client_data;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  switch (info->err->msg_code) {
  case JERR_OUT_OF_MEMORY:
  case JERR_NO_BACKING_STORE:
  case JERR_WIDTH_OVERFLOW:
  case JERR_IMAGE_TOO_BIG:
    leave(job, DUET_IMAGE_TOO_LARGE, "the picture needs more memory than is allowed");
  case JERR_SOF_UNSUPPORTED:
  case JERR_ARITH_NOTIMPL:
  case JERR_BAD_PRECISION:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_CCIR601_NOTIMPL:
  case JERR_NOT_COMPILED:
  case JERR_FRACT_SAMPLE_NOTIMPL:
    leave(job, DUET_IMAGE_UNSUPPORTED, text);
  default:
    leave(job, DUET_IMAGE_DAMAGED, text);
  }
}

/// Warnings (extra bytes, a bad code) do not stop the decoder: Pillow shows such pictures too.
static void on_message(j_common_ptr info, int level) {
  if (level < 0) info->err->num_warnings++;
}

static void say_nothing(j_common_ptr info) { (void)info; }

static void source_nothing(j_decompress_ptr info) { (void)info; }

/// The whole file is in the buffer, so that wanting more means that it was cut. libjpeg would pad with grey.
static boolean on_end_of_data(j_decompress_ptr info) {
  leave(info->client_data, DUET_IMAGE_TRUNCATED, "the file ends inside the picture");
  return FALSE;
}

static void skip_bytes(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if ((size_t)count > info->src->bytes_in_buffer) on_end_of_data(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= (size_t)count;
}

/// A small file can ask for any number of passes over a large picture.
static void check_scans(j_common_ptr info) {
  jpeg_job *job = info->client_data;
  if (((j_decompress_ptr)info)->input_scan_number > job->request->max_scans) {
    leave(job, DUET_IMAGE_TOO_LARGE, "the file has more scans than is allowed");
  }
}

/// Adobe's inverted CMYK to RGB as Pillow does it: the file's values are 255 - ink.
static void rgb_from_cmyk(const uint8_t *cmyk, size_t count, uint8_t *rgb) {
  for (size_t i = 0; i < count; i++) {
    int white = cmyk[4 * i + 3];
    for (int c = 0; c < 3; c++) {
      int t = (255 - cmyk[4 * i + c]) * white + 128;
      int value = white - (((t >> 8) + t) >> 8);
      rgb[3 * i + c] = (uint8_t)(value < 0 ? 0 : value);
    }
  }
}

static void spread_grey(uint8_t *row, size_t count) {
  for (size_t i = count; i-- > 0;) row[3 * i] = row[3 * i + 1] = row[3 * i + 2] = row[i];
}

/// The part that libjpeg may leave by longjmp at any call.
static duet_image_status decode(jpeg_job *job, const uint8_t *bytes, size_t count, uint8_t *rgb) {
  if (setjmp(job->escape)) return job->status;
  struct jpeg_decompress_struct *info = &job->info;
  const duet_jpeg_request *request = job->request;
  jpeg_create_decompress(info);
  info->mem->max_memory_to_use = request->max_memory;
  job->source = (struct jpeg_source_mgr){
      .next_input_byte = bytes,
      .bytes_in_buffer = count,
      .init_source = source_nothing,
      .fill_input_buffer = on_end_of_data,
      .skip_input_data = skip_bytes,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = source_nothing,
  };
  info->src = &job->source;
  job->progress.progress_monitor = check_scans;
  info->progress = &job->progress;

  jpeg_read_header(info, TRUE);
  switch (info->num_components) {
  case 1: info->out_color_space = JCS_GRAYSCALE; break;
  case 3: info->out_color_space = JCS_RGB; break;
  case 4: info->out_color_space = JCS_CMYK; break;
  default: leave(job, DUET_IMAGE_UNSUPPORTED, "only 1, 3 or 4 components are supported");
  }
  info->scale_num = (unsigned)request->scale;
  info->scale_denom = 8;
  info->dct_method = JDCT_ISLOW;
  jpeg_start_decompress(info);
  if (info->output_width != request->width || info->output_height != request->height) {
    leave(job, DUET_IMAGE_DAMAGED, "the header says two different dimensions");
  }

  size_t width = request->width;
  if (info->out_color_space == JCS_CMYK) {
    job->cmyk_row = malloc(4 * width);
    if (job->cmyk_row == NULL) leave(job, DUET_IMAGE_TOO_LARGE, "no memory for a row");
  }
  while (info->output_scanline < info->output_height) {
    uint8_t *target = rgb + 3 * width * info->output_scanline;
    JSAMPROW row = job->cmyk_row != NULL ? job->cmyk_row : target;
    if (jpeg_read_scanlines(info, &row, 1) != 1) on_end_of_data(info);
    if (job->cmyk_row != NULL) rgb_from_cmyk(row, width, target);
    else if (info->out_color_space == JCS_GRAYSCALE) spread_grey(target, width);
  }
  jpeg_finish_decompress(info);
  return DUET_IMAGE_OK;
}

duet_image_status duet_jpeg_decode(const uint8_t *bytes, size_t count, const duet_jpeg_request *request,
                                   uint8_t *rgb, char *message) {
  jpeg_job job = {.request = request, .message = message};
  job.info.err = jpeg_std_error(&job.errors);
  job.info.client_data = &job; // kept by jpeg_create_decompress
  job.errors.error_exit = on_error;
  job.errors.emit_message = on_message;
  job.errors.output_message = say_nothing;
  duet_image_status status = decode(&job, bytes, count, rgb);
  jpeg_destroy_decompress(&job.info);
  free(job.cmyk_row);
  return status;
}
