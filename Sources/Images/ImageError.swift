// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// Why a picture could not be read. The caller adds the name of the file.
package struct ImageError: Error, CustomStringConvertible, Equatable {
  /// The kind of the failure, for summaries and decisions.
  package enum Code: String, Sendable {
    /// No bytes at all.
    case empty
    /// Not a picture of any format that Duet knows.
    case unrecognized
    /// A known format, or a variant of one, that Duet does not read.
    case unsupported
    /// The data ends too early.
    case truncated
    /// The data breaks the rules of its format.
    case damaged
    /// A limit on pixels, memory or work was met.
    case tooLarge
  }

  package let code: Code
  /// The format, if the first bytes told one.
  package let format: ImageFormat?
  /// What is wrong.
  package let message: String

  package init(_ code: Code, format: ImageFormat? = nil, _ message: String) {
    self.code = code
    self.format = format
    self.message = message
  }

  package var description: String {
    guard let format else { return message }
    return "\(format.name): \(message)"
  }

  /// The failure that a C decoder reported, or nil.
  init?(_ status: duet_image_status, format: ImageFormat, message: String) {
    switch status {
    case DUET_IMAGE_OK: return nil
    case DUET_IMAGE_TRUNCATED: self.init(.truncated, format: format, message)
    case DUET_IMAGE_UNSUPPORTED: self.init(.unsupported, format: format, message)
    case DUET_IMAGE_TOO_LARGE: self.init(.tooLarge, format: format, message)
    default: self.init(.damaged, format: format, message)
    }
  }
}
