// SPDX-License-Identifier: Apache-2.0
import Foundation
import Images
import Testing

@testable import Embedders

@Suite("How pictures are brought to size")
struct ImageProcessorTests {
  private func configuration(_ json: String) throws -> PreprocessorConfiguration {
    try PreprocessorConfiguration(ConfigurationObject(Array(json.utf8), name: "preprocessor_config.json"))
  }

  @Test("old and new forms of one configuration mean the same")
  func forms() throws {
    let old = try configuration(#"{"size": 224, "crop_size": 224}"#)
    let new = try configuration(
      #"""
      {"do_resize": true, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": true,
       "crop_size": {"height": 224, "width": 224}, "do_rescale": true, "rescale_factor": 0.00392156862745098,
       "do_normalize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073],
       "image_std": [0.26862954, 0.26130258, 0.27577711], "do_convert_rgb": null}
      """#)
    #expect(old == new)
    #expect(old.summary == new.summary)
    #expect(old.resize == .shortSide(224))
  }

  @Test("flags switch steps off")
  func flags() throws {
    let bare = try configuration(
      #"{"do_resize": false, "do_center_crop": false, "do_rescale": false, "do_normalize": false}"#)
    #expect(bare.resize == .none && bare.crop == nil && bare.scale == 1)
    #expect(bare.mean == [0, 0, 0] && bare.deviation == [1, 1, 1])
    let squash = try configuration(
      #"{"size": {"height": 20, "width": 30}, "do_center_crop": false, "resample": 2}"#)
    #expect(squash.resize == .exact(width: 30, height: 20) && squash.filter == .bilinear)
  }

  /// transformers' center_crop, called from Python: crop 42 of these lengths.
  @Test(
    "crops start where transformers' do",
    arguments: [
      (42, 0, 0), (43, 0, 0), (44, 1, 0), (47, 2, 0), (41, 0, 1), (31, 0, 6), (32, 0, 5),
    ])
  func frame(_ content: Int, _ start: Int, _ padding: Int) {
    let frame = ImageProcessor.Frame(content: content, frame: 42)
    #expect(frame.start == start && frame.padding == padding && frame.length == min(content, 42))
  }

  @Test("extreme pictures are framed or refused, never a crash")
  func extremes() throws {
    let processor = try ImageProcessor(
      configuration(#"{"size": 224, "crop_size": 224}"#), imageSize: 224, place: "file")
    let line = Image(width: 60_000, height: 1, pixels: [UInt8](repeating: 9, count: 180_000))
    let framed = try processor.framed(line)
    #expect(framed.width == 224 && framed.height == 224 && framed.pixels.allSatisfy { $0 == 9 })
    let thread = Image(width: 90_000, height: 1, pixels: [UInt8](repeating: 9, count: 270_000))
    #expect(message { _ = try processor.framed(thread) }?.contains("90000x1") == true)
    let dot = try processor.framed(Image(width: 1, height: 1, pixels: [1, 2, 3]))
    #expect(dot.pixels.count == 3 * 224 * 224)
  }

  @Test("decoding for a library asks for twice the target's sides")
  func input() throws {
    let processor = try ImageProcessor(
      configuration(#"{"size": 50, "crop_size": 48}"#), imageSize: 48, place: "file")
    let options = processor.input.decodeOptions(.library)
    #expect(options.minimumSize == .init(width: 100, height: 100) && options.appliesOrientation)
    #expect(processor.input.decodeOptions(.parity) == .parity)
  }
}
