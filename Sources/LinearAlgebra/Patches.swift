// SPDX-License-Identifier: Apache-2.0
import Compute

/// What a model makes of a byte of a pixel: (value · scale - mean) / deviation for each of the channels red,
/// green, blue.
package struct PixelNormalization: Sendable, Hashable {
  /// 256 values for each channel.
  let table: [Float]

  /// - Parameters:
  ///   - mean: One value for each channel, in the scaled range.
  ///   - deviation: One value for each channel, in the scaled range; not 0.
  ///   - scale: The value of one step of a byte.
  package init(mean: [Double], deviation: [Double], scale: Double = 1.0 / 255) {
    precondition(mean.count == 3 && deviation.count == 3, "there are three channels")
    table = (0..<3 * 256).map { entry in
      Float((Double(entry % 256) * scale - mean[entry / 256]) / deviation[entry / 256])
    }
  }

  /// The value of `byte` in `channel`.
  package subscript(channel: Int, byte: UInt8) -> Float { table[channel * 256 + Int(byte)] }
}

extension Matrix {
  /// Cuts an RGB picture into patches, left to right and top to bottom, and writes each to a row, in the
  /// order of a convolution's weights: channel, row, column.
  ///
  /// The matrix has `3 · patchSize²` columns; rows `firstRow ..< firstRow + (height / patchSize) · (width /
  /// patchSize)` are written. Pixels to the right and below that fill no patch are left out, as a convolution
  /// without padding does.
  ///
  /// - Parameter pixels: `[height, width, 3]`
  package mutating func gatherPatches(
    _ pixels: [UInt8], width: Int, height: Int, patchSize: Int, normalization: PixelNormalization,
    firstRow: Int = 0
  ) {
    precondition(
      width > 0 && height > 0 && pixels.count == 3 * width * height, "pixels do not fill the picture")
    let (across, down) = patchCounts(width: width, height: height, patchSize: patchSize, firstRow: firstRow)
    let target = output
    ComputePool.shared.forEach(down) { patchRow in
      pixels.withUnsafeBufferPointer { pixels in
        normalization.table.withUnsafeBufferPointer { table in
          for patch in 0..<across {
            var to = target.at(row: firstRow + patchRow * across + patch)
            for channel in 0..<3 {
              for y in 0..<patchSize {
                let from = 3 * ((patchRow * patchSize + y) * width + patch * patchSize) + channel
                for x in 0..<patchSize { to[x] = table[channel * 256 + Int(pixels[from + 3 * x])] }
                to += patchSize
              }
            }
          }
        }
      }
    }
  }

  /// Cuts planes of floats, one for each of three channels, into patches in the same way.
  ///
  /// - Parameter planes: `[3, height, width]`, already normalised.
  package mutating func gatherPatches(
    planes: [Float], width: Int, height: Int, patchSize: Int, firstRow: Int = 0
  ) {
    precondition(
      width > 0 && height > 0 && planes.count == 3 * width * height, "planes do not fill the picture")
    let (across, down) = patchCounts(width: width, height: height, patchSize: patchSize, firstRow: firstRow)
    let target = output
    ComputePool.shared.forEach(down) { patchRow in
      planes.withUnsafeBufferPointer { planes in
        for patch in 0..<across {
          var to = target.at(row: firstRow + patchRow * across + patch)
          for channel in 0..<3 {
            for y in 0..<patchSize {
              let from = (channel * height + patchRow * patchSize + y) * width + patch * patchSize
              for x in 0..<patchSize { to[x] = planes[from + x] }
              to += patchSize
            }
          }
        }
      }
    }
  }

  private func patchCounts(width: Int, height: Int, patchSize: Int, firstRow: Int) -> (across: Int, down: Int)
  {
    precondition(patchSize > 0 && columns == 3 * patchSize * patchSize, "a row does not hold a patch")
    let (across, down) = (width / patchSize, height / patchSize)
    precondition(firstRow >= 0 && firstRow + across * down <= rows, "the patches do not fit")
    return (across, down)
  }
}
