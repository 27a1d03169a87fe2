// SPDX-License-Identifier: Apache-2.0
#ifndef DUET_SCAN_SCALAR_H
#define DUET_SCAN_SCALAR_H

#include "include/scan.h"

extern const duet_scan_kernels duet_scan_scalar;

#endif
