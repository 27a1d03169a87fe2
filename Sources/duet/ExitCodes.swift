// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
// C's `stdout` is a variable.
@preconcurrency import Glibc
import Search

extension ExitCode {
  /// The query was answered, and nothing in the library is a hit.
  static let nothingFound = ExitCode(1)
  /// Something went wrong; standard error says what.
  static let failed = ExitCode(2)
  /// Ctrl-C.
  static let interrupted = ExitCode(130)
}

/// The one place where the process ends: with an exit status, and a line on standard error where something is wrong.
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

  /// Ends the process with `code`, or with 2 when not all of the output could be written: whoever reads half an answer
  /// must not take it for the whole.
  static func end(_ code: ExitCode) -> Never {
    // A write fails when a buffer is full, or now.
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      Diagnostics.note("standard output cannot be written: the disk is full, or the output closed")
      exit(ExitCode.failed.rawValue)
    }
    exit(code.rawValue)
  }
}

/// Descriptors 0, 1 and 2.
enum StandardStreams {
  /// Makes the three streams what the program takes them for, whatever it was started from.
  ///
  /// With standard output closed (`>&-`) the next file that is opened would be descriptor 1, and what is printed would
  /// land in a library: the null device stands in, opened the wrong way around, so that using the stream is still an
  /// error. And a reader that goes away (`| head`) ends the program quietly, also where the parent ignored SIGPIPE.
  static func prepare() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) == -1 {
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
    signal(SIGPIPE, SIG_DFL)
  }
}
