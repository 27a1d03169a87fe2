// SPDX-License-Identifier: Apache-2.0
import CBLAS

/// The BLAS that the dynamic linker found behind `libblas.so.3`.
package enum BLASLibrary {
  /// Its name, version and kernels as far as it tells: "OpenBLAS 0.3.21 (SkylakeX)", "BLIS 0.9.0", "reference
  /// BLAS (slow)".
  package static let name: String = {
    if let configuration = string("openblas_get_config") {
      let words = configuration.split(separator: " ")
      let version = words.prefix(2).joined(separator: " ")
      return string("openblas_get_corename").map { "\(version) (\($0))" } ?? version
    }
    if let version = string("bli_info_get_version_str") { return "BLIS \(version)" }
    if duet_blas_has("MKL_Get_Max_Threads") != 0 { return "Intel MKL" }
    if duet_blas_has("ATL_buildinfo") != 0 { return "ATLAS" }
    return "reference BLAS (slow)"
  }()

  /// Whether nothing faster than the reference implementation was found.
  package static var isReference: Bool { name.hasPrefix("reference") }

  private static func string(_ function: String) -> String? {
    duet_blas_string(function).map { String(cString: $0) }
  }
}
