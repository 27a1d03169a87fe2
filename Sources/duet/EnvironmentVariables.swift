// SPDX-License-Identifier: Apache-2.0
import Glibc
import LinearAlgebra
import Search

/// The variables that decide what Duet computes with.
enum EnvironmentVariables {
  /// Refuses values that would be ignored without a word: what was measured would not be what was asked for.
  static func check() throws {
    if let threads = value("DUET_THREADS"), !((Int(threads) ?? 0) > 0) {
      throw SearchError(
        .invalidRequest, "DUET_THREADS=\(threads): give a number of threads above 0, or unset it")
    }
    if let level = value("DUET_CPU"), level != CPU.levelName {
      throw SearchError(
        .invalidRequest,
        "DUET_CPU=\(level): this CPU and build have \(CPU.levelNames.joined(separator: ", ")); unset it for the best"
      )
    }
    if let engine = value("DUET_GEMM"), !["blas", "kernels"].contains(engine) {
      throw SearchError(.invalidRequest, "DUET_GEMM=\(engine): give blas or kernels, or unset it")
    }
  }

  /// Set and not empty.
  private static func value(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
