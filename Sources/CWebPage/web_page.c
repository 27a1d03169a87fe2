// SPDX-License-Identifier: Apache-2.0
#include "CWebPage.h"

// #embed is C23; clang takes it in older modes too, and says so. SwiftPM has one C standard for the whole package.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char openapi[] = {
#embed "openapi.json"
};

static const duet_page_file files[] = {
    {"openapi.json", openapi, sizeof openapi},
};

size_t duet_page_file_count(void) { return sizeof files / sizeof files[0]; }

duet_page_file duet_page_file_at(size_t index) { return files[index]; }
