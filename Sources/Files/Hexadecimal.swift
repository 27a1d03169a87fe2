// SPDX-License-Identifier: Apache-2.0

extension Sequence<UInt8> {
  /// Two digits, `0` to `f`, for each byte.
  package var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
