// SPDX-License-Identifier: Apache-2.0
import CKernels

/// How weights are stored in a file.
package enum ElementType: Sendable, Hashable {
  /// IEEE single precision.
  case float32
  /// IEEE half precision.
  case float16
  /// The upper half of a single: eight bits of exponent, seven of mantissa.
  case bfloat16

  /// Bytes of one element.
  package var size: Int { self == .float32 ? 4 : 2 }
}

/// Exact conversion of stored elements to floats.
enum HalfPrecision {
  /// Writes `count` elements that start at `source`, at any alignment, to `target`.
  static func widen(
    _ source: UnsafeRawPointer, _ type: ElementType, count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    switch type {
    case .float32:
      UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
    case .float16:
      // The kernels load two bytes at a time without needing them aligned (x86-64 and arm64 allow it).
      TransformerKernels.current.widen_f16(source.assumingMemoryBound(to: UInt16.self), target, count)
    case .bfloat16:
      TransformerKernels.current.widen_bf16(source.assumingMemoryBound(to: UInt16.self), target, count)
    }
  }
}
