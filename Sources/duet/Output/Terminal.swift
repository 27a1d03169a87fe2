// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

/// When to use colour.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable, Sendable {
  case auto, always, never

  /// Whether to write colour to `descriptor`.
  ///
  /// `auto` means a terminal that is not dumb, and no `$NO_COLOR` (https://no-color.org).
  func isOn(_ descriptor: Int32 = STDOUT_FILENO) -> Bool {
    switch self {
    case .always: true
    case .never: false
    case .auto:
      Process.environment("NO_COLOR") == nil && Process.environment("TERM") != "dumb"
        && isatty(descriptor) == 1
    }
  }
}

/// `--color`, for the commands that print for people.
struct ColorOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Colour: auto, always or never.", valueName: "when"))
  var color = ColorChoice.auto
}

/// Text attributes (ECMA-48 SGR).
struct Style: Sendable {
  /// Whether attributes are written at all.
  let isOn: Bool

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// The process's surroundings.
enum Process {
  /// An environment variable; nil when it is unset or empty.
  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
