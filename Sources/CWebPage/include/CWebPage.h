// SPDX-License-Identifier: Apache-2.0
// The files of the web page, and the description of the API, as bytes of the program.
#pragma once
#include <stddef.h>

typedef struct {
  const char *name;
  const unsigned char *bytes;
  size_t count;
} duet_page_file;

// How many files there are.
size_t duet_page_file_count(void);
// The file at `index`, which is below the count.
duet_page_file duet_page_file_at(size_t index);
