// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The C kernels that this process uses.
enum TransformerKernels {
  /// Those of the CPU's best level, or of the one `DUET_CPU` asks for. Take them once, outside a loop.
  static var current: duet_transformer_kernels { of(duet_cpu_current()) }

  static func of(_ level: duet_cpu_level) -> duet_transformer_kernels {
    guard let kernels = duet_transformer_kernels_for(level) else {
      preconditionFailure("this build has no kernels for the CPU level that cpu.c chose")
    }
    return kernels.pointee
  }
}

/// Memory that the pieces of one parallel operation write.
///
/// `@unchecked Sendable` because every piece writes rows or columns of its own, and the operation holds
/// exclusive access to the ``Matrix`` until all pieces are done.
struct SharedOutput: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let stride: Int

  func at(row: Int, column: Int = 0) -> UnsafeMutablePointer<Float> { base + (row * stride + column) }
}

/// Memory that the pieces of one parallel operation read.
///
/// `@unchecked Sendable` because nobody writes it meanwhile: it belongs to a borrowed ``Matrix`` or to
/// immutable weights.
struct SharedInput: @unchecked Sendable {
  let base: UnsafePointer<Float>
  let stride: Int

  func at(row: Int, column: Int = 0) -> UnsafePointer<Float> { base + (row * stride + column) }
}
