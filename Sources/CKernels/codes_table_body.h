// SPDX-License-Identifier: Apache-2.0
// The table of one set of kernels: TABLE, made of CODES(name) and DOTS(name). No include guard.
const duet_code_kernels TABLE = {
    .hadamard = CODES(hadamard),
    .quantize_i8 = CODES(quantize_i8),
    .dots_i8 = DOTS(dots_i8),
    .dots_at_i8 = DOTS(dots_at_i8),
    .make_lut = CODES(make_lut),
    .scan_blocks = CODES(scan_blocks),
    .keep_best = CODES(keep_best),
    .encode_block = CODES(encode_block),
};
