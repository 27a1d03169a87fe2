// SPDX-License-Identifier: Apache-2.0
#include "include/CImageCodecs.h"

#include <string.h>

void duet_orient_rgb(const uint8_t *pixels, size_t width, size_t height, int orientation, uint8_t *output) {
  if (orientation < 2 || orientation > 8) {
    memcpy(output, pixels, 3 * width * height);
    return;
  }
  // Walk the output in order; (dx, dy) are the steps in the source for one step right and one step down.
  const ptrdiff_t right = 3, down = (ptrdiff_t)(3 * width);
  const ptrdiff_t last_x = (ptrdiff_t)(3 * (width - 1)), last_y = (ptrdiff_t)(height - 1) * down;
  ptrdiff_t start, dx, dy;
  switch (orientation) {
  case 2: start = last_x, dx = -right, dy = down; break;
  case 3: start = last_x + last_y, dx = -right, dy = -down; break;
  case 4: start = last_y, dx = right, dy = -down; break;
  case 5: start = 0, dx = down, dy = right; break;
  case 6: start = last_y, dx = -down, dy = right; break;
  case 7: start = last_x + last_y, dx = -down, dy = -right; break;
  default: start = last_x, dx = down, dy = -right; break;
  }
  const size_t columns = orientation >= 5 ? height : width, rows = orientation >= 5 ? width : height;
  for (size_t y = 0; y < rows; y++) {
    const uint8_t *source = pixels + start + (ptrdiff_t)y * dy;
    for (size_t x = 0; x < columns; x++, source += dx, output += 3) memcpy(output, source, 3);
  }
}
