// SPDX-License-Identifier: Apache-2.0
import CKernels
import TestSupport
import Testing

/// The CPU levels that this machine can run.
let cpuLevels = [DUET_CPU_SCALAR, DUET_CPU_AVX2, DUET_CPU_AVX512, DUET_CPU_NEON].filter {
  duet_cpu_supports($0) != 0 && duet_transformer_kernels_for($0) != nil
}

/// The kernels of `level`.
func kernels(_ level: duet_cpu_level) throws -> duet_transformer_kernels {
  try #require(duet_transformer_kernels_for(level)).pointee
}

extension SeededRandom {
  /// `count` normally distributed numbers.
  mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in normal() } }
}

/// How far `value` lies from `expected`, relative to `scale` or to `expected` itself.
func relativeError(_ value: Float, _ expected: Double, scale: Double? = nil) -> Double {
  abs(Double(value) - expected) / max(abs(scale ?? expected), Double(Float.leastNormalMagnitude))
}
