// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

extension Image {
  /// The picture as a lossy WebP file: the same bytes for the same pixels, on any number of threads.
  ///
  /// - Parameter quality: from 0, the smallest file, to 100; others are taken for the nearest of these.
  /// - Throws: ``ImageError``, `tooLarge`, when a side has more than 16,383 pixels or there is no memory.
  /// - Complexity: O(`width` · `height`).
  package func webp(quality: Int) throws(ImageError) -> [UInt8] {
    var failure: ImageError?
    let file = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(DUET_IMAGE_MESSAGE_SIZE)) {
      message -> [UInt8] in
      message.initialize(repeating: 0)
      var output: UnsafeMutablePointer<UInt8>?
      var count = 0
      let status = pixels.withUnsafeBufferPointer { input in
        duet_webp_encode(
          input.baseAddress, UInt32(clamping: width), UInt32(clamping: height),
          CInt(min(max(quality, 0), 100)), &output, &count, message.baseAddress)
      }
      defer { duet_webp_free(output) }
      if let text = message.baseAddress {
        failure = ImageError(status, format: .webp, message: String(cString: text))
      }
      return [UInt8](UnsafeBufferPointer(start: output, count: count))
    }
    if let failure { throw failure }
    return file
  }
}
