// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Search

extension ExitCode {
  /// The query was answered, and nothing in the library is a hit.
  static let nothingFound = ExitCode(1)
  /// Something went wrong; standard error says what.
  static let failed = ExitCode(2)
  /// Ctrl-C.
  static let interrupted = ExitCode(130)
}

/// The one place where errors become an exit status and a line on standard error.
enum Exit {
  /// Ends the process as `error` demands: help and version succeed, everything else is told on standard error.
  static func end(with error: any Error) -> Never {
    if let code = error as? ExitCode { end(code) }
    if let error = error as? SearchError, error.code == .interrupted { end(.interrupted) }
    if error is CancellationError { end(.interrupted) }
    switch Duet.exitCode(for: error) {
    case .success:
      print(Duet.fullMessage(for: error))
      end(.success)
    case .validationFailure:
      // The parser's own text: what is wrong, then the usage.
      var text = Duet.fullMessage(for: error)
      if let range = text.firstRange(of: "Error: "), range.lowerBound == text.startIndex {
        text.removeSubrange(range)
      }
      Diagnostics.note(text)
    default:
      Diagnostics.note("\(error)")
    }
    end(.failed)
  }

  private static func end(_ code: ExitCode) -> Never {
    fflush(nil)
    exit(code.rawValue)
  }
}
