// SPDX-License-Identifier: Apache-2.0
#ifndef DUET_CODES_SCALAR_H
#define DUET_CODES_SCALAR_H

#include "include/codes.h"

extern const duet_code_kernels duet_codes_scalar;

#endif
