// SPDX-License-Identifier: Apache-2.0
import Files
import SystemPackage

/// Which build of the program runs: two of one version may answer differently.
enum ProgramBuild {
  /// Size and time of the executable, also when its file has been replaced since it was started.
  static let own: String = {
    guard let status = try? FileStatus(of: "/proc/self/exe") else { return "unknown" }
    return "\(status.size)-\(status.modified)"
  }()
}
