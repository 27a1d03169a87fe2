// SPDX-License-Identifier: Apache-2.0
import Captions
import Catalog
import Embedders
import Files
import Glibc
import Images
import SystemPackage

/// A picture file, read: everything that the catalog wants to know, and the pixels in the model's own size.
struct ReadPicture: Sendable {
  let file: FileRecord
  let picture: PictureRecord
  /// A few hundred kilobytes at most: the full picture is gone by now.
  let prepared: PreparedImage
  /// What the file says about itself.
  let embedded: EmbeddedText
}

/// Reads picture files for one run; safe to use from many threads at once.
struct PictureReader: Sendable {
  /// What became of a candidate.
  enum Outcome: Sendable {
    case picture(ReadPicture)
    /// The content is what the catalog has for this path; only the time changed.
    case touched(FileRecord)
    /// The content of an item whose path is gone.
    case moved(KnownFile, to: FileRecord)
    case unsupported(format: String)
    case skipped(reason: String, message: String)
    /// Gone between the walk and now.
    case vanished

    var isPicture: Bool {
      if case .picture = self { true } else { false }
    }
  }

  let root: Root
  let folder: FilePath
  let embedder: any Embedder
  let input: ImageInput
  /// Whether pictures are decoded and embedded although their content is known.
  let rereadsAll: Bool
  /// Larger files are no pictures of anybody's.
  static let largestFile = 1 << 30

  /// Reads, hashes, and unless the content is known decodes, one candidate.
  func read(_ candidate: IngestPlan.Candidate, moves: MovesInProgress) -> Outcome {
    let bytes: [UInt8]
    let status: FileStatus
    do {
      (bytes, status) = try readFileAndStatus(
        folder.pushing(candidate.path), limit: Self.largestFile, followsLinks: false)
    } catch {
      return error.code == .notFound ? .vanished : .skipped(reason: "unreadable", message: error.message)
    }
    let record = FileRecord(
      root: root.id, path: candidate.path, size: Int64(status.size), modified: status.modified,
      inode: status.inode, hash: ContentHash(of: bytes).bytes)
    if !rereadsAll, let known = candidate.known, known.file.hash == record.hash { return .touched(record) }
    if candidate.known == nil, let item = moves.claim(hash: record.hash) {
      return .moved(item, to: record)
    }
    return decode(bytes, record)
  }

  /// Decodes a picture in the library's view.
  func decode(_ bytes: [UInt8], _ record: FileRecord) -> Outcome {
    guard !bytes.isEmpty else { return .skipped(reason: "empty", message: "the file is empty") }
    guard let format = ImageFormat.detect(bytes) else {
      return .skipped(
        reason: "unrecognised", message: "no picture: its first bytes belong to no format that Duet knows")
    }
    guard format.isSupported else { return .unsupported(format: format.name) }
    do {
      let info = try ImageDecoder.probe(bytes)
      // A damaged description must not cost the picture.
      let metadata = (try? ImageDecoder.metadata(bytes)) ?? ImageMetadata()
      let image = try ImageDecoder.decode(bytes, options: input.decodeOptions(.library))
      let picture = PictureRecord(
        format: format.rawValue, width: info.width, height: info.height,
        orientation: Int(info.orientation.rawValue), taken: metadata.taken,
        cameraMake: metadata.text(EXIFTag.make), cameraModel: metadata.text(EXIFTag.model))
      return .picture(
        ReadPicture(
          file: record, picture: picture, prepared: try embedder.prepare(image),
          embedded: .extract(EmbeddedMetadata(metadata))))
    } catch {
      return .skipped(reason: (error as? ImageError)?.code.rawValue ?? "unreadable", message: "\(error)")
    }
  }
}

extension EmbeddedMetadata {
  /// The decoder's raw pieces, as the caption reader takes them.
  init(_ metadata: ImageMetadata) {
    self.init(
      exif: metadata.exif, exifIsBigEndian: metadata.exifIsBigEndian, iptc: metadata.iptc, xmp: metadata.xmp,
      pngText: metadata.pngText.map { PNGText(keyword: $0.keyword, text: $0.bytes) })
  }
}

extension EmbeddedText {
  /// As the catalog keeps them.
  var asCaptions: [Caption] {
    captions.map { Caption($0.text, source: .embedded, isBoilerplate: $0.isBoilerplate) }
  }
}

extension ImageMetadata {
  /// A text tag, up to its first NUL, or nil where there is none worth keeping.
  func text(_ tag: UInt16) -> String? {
    guard let bytes = exif[tag]?.prefix(while: { $0 != 0 }) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).trimmingPrefix(while: \.isWhitespace)
    return text.isEmpty ? nil : String(text)
  }

  /// When the camera says the picture was taken: its wall clock read as if it were UTC, in seconds since 1970.
  var taken: Int64? {
    guard let text = text(EXIFTag.dateTimeOriginal) ?? text(EXIFTag.dateTime) else { return nil }
    return WallClock.seconds(exif: text)
  }
}

/// EXIF's way to write a time: "2024:07:31 18:05:09".
enum WallClock {
  /// The time of day, in seconds since 1970.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
  }

  /// Seconds since 1970 as if the clock showed UTC; nil for anything that is no time.
  static func seconds(exif text: String) -> Int64? {
    let numbers = text.split { !$0.isASCII || !$0.isNumber }.prefix(6).map { Int64($0) ?? -1 }
    guard numbers.count == 6 else { return nil }
    let (year, month, day) = (numbers[0], numbers[1], numbers[2])
    guard (1800...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
      (0...23).contains(numbers[3]), (0...59).contains(numbers[4]), (0...60).contains(numbers[5])
    else { return nil }
    return days(year, month, day) * 86_400 + numbers[3] * 3_600 + numbers[4] * 60 + numbers[5]
  }

  /// Days since 1970-01-01 in the Gregorian calendar: years counted from March, so that the leap day comes last.
  static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
