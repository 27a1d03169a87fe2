// SPDX-License-Identifier: Apache-2.0
// The only SIMD in Duet. Every kernel exists once per CPU level; the scalar one is the oracle of the others.
// A family of kernels is a struct of function pointers, one instance per level: take it once, outside the loop.
#ifndef DUET_CKERNELS_H
#define DUET_CKERNELS_H

#include "codes.h"
#include "cpu.h"
#include "memory.h"
#include "packed.h"
#include "scan.h"
#include "transformer.h"

#endif
