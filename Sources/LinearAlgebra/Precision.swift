// SPDX-License-Identifier: Apache-2.0
import CKernels

/// How the weights of linear layers, and the rows they are multiplied with, are stored.
package enum Precision: String, Sendable, Hashable, CaseIterable {
  /// IEEE single precision: what the reference implementations compute with.
  case float32 = "f32"
  /// The upper halves of singles, summed in single precision: half the bytes.
  case bfloat16 = "bf16"
  /// Bytes with a scale for each output and for each row: a quarter of the bytes. Sums are exact.
  case int8

  /// The fastest kind whose vectors are those of ``float32`` but for a cosine of at least 0.9995: ``bfloat16`` where the
  /// CPU multiplies it. (Bytes are off by more: cosine about 0.999 to 0.9999.)
  package static var fastestFaithful: Precision { PackedKernels.current.has_bf16 != 0 ? .bfloat16 : .float32 }

  /// The numbers that share a word of 32 bits.
  var perWord: Int {
    switch self {
    case .float32: 1
    case .bfloat16: 2
    case .int8: 4
    }
  }
}

/// The C kernels for packed weights that this process uses.
enum PackedKernels {
  /// Those of the CPU's best level, or of the one `DUET_CPU` asks for. Take them once, outside a loop.
  static var current: duet_packed_kernels { of(duet_cpu_current()) }

  static func of(_ level: duet_cpu_level) -> duet_packed_kernels {
    guard let kernels = duet_packed_kernels_for(level) else {
      preconditionFailure("this build has no kernels for the CPU level that cpu.c chose")
    }
    return kernels.pointee
  }
}
