// SPDX-License-Identifier: Apache-2.0
// Half precision to float, part of transformer_body.h. Written so that the compiler vectorises the loops:
// with F16C the conversion is one instruction, without it integer arithmetic on the bits.

#if defined(HAS_F16C)
KERNEL static void NAME(widen_f16)(const uint16_t *x, float *y, size_t count) {
  const _Float16 *half = (const _Float16 *)x;
  for (size_t i = 0; i < count; i++) y[i] = (float)half[i];
}
#else
/// Moves exponent and mantissa into place and multiplies by 2¹¹², which corrects the exponent's bias and
/// makes subnormals come out right, exactly; infinities and NaNs get the largest exponent instead.
KERNEL static void NAME(widen_f16)(const uint16_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t sign = (uint32_t)(x[i] & 0x8000) << 16;
    uint32_t magnitude = (uint32_t)(x[i] & 0x7FFF) << 13;
    float scaled;
    memcpy(&scaled, &magnitude, 4);
    scaled *= 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &scaled, 4);
    if ((x[i] & 0x7C00) == 0x7C00) bits = magnitude | 0x7F800000;
    if ((x[i] & 0x7FFF) > 0x7C00) bits |= 0x00400000;
    bits |= sign;
    memcpy(&y[i], &bits, 4);
  }
}
#endif

KERNEL static void NAME(widen_bf16)(const uint16_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(&y[i], &bits, 4);
  }
}
