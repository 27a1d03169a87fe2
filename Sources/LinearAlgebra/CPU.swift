// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The processor, as far as kernels care.
package enum CPU {
  /// The level of the kernels in use: `scalar`, `avx2`, `avx512` or `neon`.
  package static var levelName: String { String(cString: duet_cpu_name(duet_cpu_current())) }
}
