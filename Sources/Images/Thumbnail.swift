// SPDX-License-Identifier: Apache-2.0
package enum Thumbnail {
  package static func webp(of bytes: [UInt8], size: Int, quality: Int) throws -> [UInt8] { [] }
}
