// SPDX-License-Identifier: Apache-2.0

/// How a camera held the picture: the value of EXIF tag 0x0112, named after what makes the picture upright.
package enum Orientation: UInt8, Sendable, CaseIterable {
  case upright = 1
  case flipHorizontally = 2
  case rotate180 = 3
  case flipVertically = 4
  case transpose = 5
  case rotate90Clockwise = 6
  case transverse = 7
  case rotate90CounterClockwise = 8

  /// Whether the upright picture is as wide as the stored one is high.
  package var swapsSides: Bool { rawValue >= 5 }
}
