// SPDX-License-Identifier: Apache-2.0
//
// The two passes with AVX2. Bytes times 23-bit weights: each weight is split into two 16-bit halves, so that
// vpmaddwd sums two taps at once; the sums are exact modulo 2^32, and so is their combination.
#include "coefficients.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))

enum { group = 4, slack = 16 };

/// low + 65536 * high, lanes of both halves added, rounded: three colours in the lowest lanes.
AVX2_INLINE __m128i finish_pixel(__m256i low, __m256i high) {
  __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, 16));
  __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  both = _mm_add_epi32(both, _mm_set1_epi32(1 << (DUET_WEIGHT_BITS - 1)));
  return _mm_srai_epi32(both, DUET_WEIGHT_BITS);
}

/// Four rows at once, so that each weight is loaded once. Reads up to `slack` bytes beyond the last pixel of
/// a row.
AVX2 static void resample_rows(const duet_coefficients *c, const uint8_t *const rows[group], int32_t origin,
                               uint8_t *const outputs[group]) {
  // Bytes of pixels 0, 1 (lower half) and 2, 3 (upper half) as 16-bit pairs of one colour: r r g g b b - -.
  const __m256i pairs = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m256i spread_low = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const __m256i spread_high = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
  for (size_t x = 0; x < c->count; x++) {
    const size_t offset = 3 * (size_t)(c->first[x] - origin);
    const int16_t *halves = c->halves + 2 * x * c->stride;
    __m256i low[group], high[group];
    for (int i = 0; i < group; i++) low[i] = high[i] = _mm256_setzero_si256();
    for (int32_t k = 0; k < c->taps[x]; k += 4) {
      const __m256i weights = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(halves + 2 * k)));
      const __m256i weights_low = _mm256_permutevar8x32_epi32(weights, spread_low);
      const __m256i weights_high = _mm256_permutevar8x32_epi32(weights, spread_high);
      for (int i = 0; i < group; i++) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(rows[i] + offset + 3 * (size_t)k));
        const __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), pairs);
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pixels, weights_low));
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pixels, weights_high));
      }
    }
    const __m128i first = _mm_packs_epi32(finish_pixel(low[0], high[0]), finish_pixel(low[1], high[1]));
    const __m128i second = _mm_packs_epi32(finish_pixel(low[2], high[2]), finish_pixel(low[3], high[3]));
    uint8_t bytes[16];
    _mm_storeu_si128((__m128i *)bytes, _mm_packus_epi16(first, second));
    for (int i = 0; i < group; i++) memcpy(outputs[i] + 3 * x, bytes + 4 * i, 3);
  }
}

AVX2 int duet_horizontal_avx2(const duet_coefficients *c, duet_rows source, size_t rows, uint8_t *output) {
  const size_t row_bytes = 3 * (size_t)(c->highest - source.origin), padded = row_bytes + slack;
  uint8_t *copies = NULL;
  for (size_t y = 0; y < rows; y += group) {
    const uint8_t *inputs[group];
    uint8_t *outputs[group];
    for (size_t i = 0; i < group; i++) {
      const size_t line = y + i < rows ? y + i : rows - 1;
      inputs[i] = source.bytes + line * source.stride;
      outputs[i] = output + line * 3 * c->count;
      // A row at the very end of the picture has no bytes behind it that could be read.
      if (line * source.stride + padded <= source.capacity) continue;
      if (copies == NULL) copies = calloc(group, padded);
      if (copies == NULL) return 0;
      memcpy(copies + i * padded, inputs[i], row_bytes);
      inputs[i] = copies + i * padded;
    }
    resample_rows(c, inputs, source.origin, outputs);
  }
  free(copies);
  return 1;
}

/// 16 neighbouring bytes of one output row.
AVX2_INLINE void resample_block(const int16_t *halves, int32_t taps, const uint8_t *top, size_t stride,
                                uint8_t *output) {
  __m256i low[2], high[2];
  for (int i = 0; i < 2; i++) low[i] = high[i] = _mm256_setzero_si256();
  for (int32_t k = 0; k < taps; k += 2) {
    // Taps k and k + 1 of a group of four; a missing last one has weight zero and reads its neighbour.
    const int16_t *pair = halves + 8 * (k / 4) + k % 4;
    int32_t pair_low, pair_high;
    memcpy(&pair_low, pair, 4);
    memcpy(&pair_high, pair + 4, 4);
    const __m256i weights_low = _mm256_set1_epi32(pair_low), weights_high = _mm256_set1_epi32(pair_high);
    const uint8_t *row = top + (size_t)k * stride;
    const __m128i a = _mm_loadu_si128((const __m128i *)row);
    const __m128i b = _mm_loadu_si128((const __m128i *)(k + 1 < taps ? row + stride : row));
    const __m256i pixels[2] = {_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                               _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b))};
    for (int i = 0; i < 2; i++) {
      low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pixels[i], weights_low));
      high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pixels[i], weights_high));
    }
  }
  __m256i sums[2];
  for (int i = 0; i < 2; i++) {
    sums[i] = _mm256_add_epi32(low[i], _mm256_slli_epi32(high[i], 16));
    sums[i] = _mm256_add_epi32(sums[i], _mm256_set1_epi32(1 << (DUET_WEIGHT_BITS - 1)));
    sums[i] = _mm256_srai_epi32(sums[i], DUET_WEIGHT_BITS);
  }
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(sums[0], sums[1]), 0xD8);
  const __m128i bytes =
      _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128((__m128i *)output, bytes);
}

AVX2 void duet_vertical_avx2(const duet_coefficients *c, duet_rows source, size_t bytes, uint8_t *output) {
  enum { block = 16 };
  if (bytes < block) {
    duet_vertical_scalar(c, source, bytes, output);
    return;
  }
  for (size_t y = 0; y < c->count; y++, output += bytes) {
    const uint8_t *top = source.bytes + (size_t)(c->first[y] - source.origin) * source.stride;
    const int16_t *halves = c->halves + 2 * y * c->stride;
    for (size_t x = 0; x + block <= bytes; x += block) {
      resample_block(halves, c->taps[y], top + x, source.stride, output + x);
    }
    // The rest once more with the whole last block: the overlap gets the same values.
    if (bytes % block != 0) {
      const size_t x = bytes - block;
      resample_block(halves, c->taps[y], top + x, source.stride, output + x);
    }
  }
}
#endif
