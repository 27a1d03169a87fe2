// SPDX-License-Identifier: Apache-2.0
// Reading memory as fast as it goes: the yardstick of every scan.
#ifndef DUET_MEMORY_H
#define DUET_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Reads `size` bytes (a multiple of 512, aligned to 4) once, in order, and returns their sum as 32-bit numbers, so that
/// no read can be left out. Asks for what lies `ahead` bytes further on; 0 leaves that to the CPU.
uint32_t duet_memory_sum(const void *from, size_t size, size_t ahead);

#endif
