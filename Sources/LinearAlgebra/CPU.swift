// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The processor, as far as kernels care.
package enum CPU {
  /// The level of the kernels in use: `scalar`, `avx2`, `avx512` or `neon`.
  package static var levelName: String { name(duet_cpu_current()) }

  /// The levels that this processor and build have, poorest first.
  package static var levelNames: [String] {
    [DUET_CPU_SCALAR, DUET_CPU_AVX2, DUET_CPU_AVX512, DUET_CPU_NEON]
      .filter { duet_cpu_supports($0) != 0 && duet_transformer_kernels_for($0) != nil }.map(name)
  }

  private static func name(_ level: duet_cpu_level) -> String { String(cString: duet_cpu_name(level)) }
}
