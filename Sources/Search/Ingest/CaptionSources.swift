// SPDX-License-Identifier: Apache-2.0
import Captions
import Catalog
import Files
import SystemPackage

/// Where the captions of one root's pictures come from: sidecars (`name.txt` beside `name.jpg`) and caption files
/// (`captions.csv` and its like, for their own folder and those below).
struct CaptionSources: Sendable {
  /// A sidecar or caption file that the walk met.
  struct Source: Sendable {
    let path: FilePath
    let status: FileStatus
    /// Its row in the catalog, from an earlier run.
    var known: CaptionFileRecord?

    /// Whether size and time are those that the catalog has.
    var isUnchanged: Bool { known.map { $0.file.matches(status) } ?? false }
  }

  /// A caption file, parsed.
  struct Parsed: Sendable {
    let source: Source
    let folder: FilePath
    let record: FileRecord
    let captions: [FilePath: [String]]
    /// Bare names that no file beside the caption file has: they mean files in folders below, as in COCO.
    let bareNames: Set<FilePath>

    /// The captions that it has for a picture: by its path from the file's folder, else by its bare name.
    func captions(of image: FilePath) -> [String]? {
      var relative = image
      guard folder.isEmpty || relative.removePrefix(folder), let name = image.lastComponent else {
        return nil
      }
      if let own = captions[relative] { return own }
      let bare = FilePath(root: nil, components: name)
      return bareNames.contains(bare) ? captions[bare] : nil
    }
  }

  private let root: RootID
  private let folder: FilePath
  /// By the sidecar's path without its extension.
  private(set) var sidecars: [FilePath: Source] = [:]
  /// Caption files in the order of the walk.
  private(set) var files: [Source] = []
  /// Rows of files that are gone.
  private(set) var gone: [CaptionFileRecord] = []
  /// Rows of files that are there, or may come back, and were not read: what came from them stays.
  private(set) var unreachable: Set<CaptionFileID> = []
  /// What is wrong in caption files, for the summary.
  private(set) var problems: [SkippedFile] = []

  /// - Parameters:
  ///   - found: all text and caption files that the walk met (see ``isSource(_:)``).
  ///   - known: the catalog's rows of this root, of the part that was walked.
  ///   - unread: folders that the walk could not look into; files in them are not gone.
  init(
    root: RootID, folder: FilePath, found: [WalkedFile], known: [CaptionFileRecord], unread: [FilePath] = []
  ) {
    self.root = root
    self.folder = folder
    var byPath = Dictionary(known.map { ($0.file.path, $0) }, uniquingKeysWith: { first, _ in first })
    for file in found {
      let source = Source(path: file.path, status: file.status, known: byPath.removeValue(forKey: file.path))
      if Self.kind(of: file.path) != nil {
        files.append(source)
      } else {
        sidecars[Self.stem(of: file.path)] = source
      }
    }
    gone = byPath.values.filter { row in !unread.contains { row.file.path.starts(with: $0) } }
      .sorted { $0.id < $1.id }
  }

  /// Takes files that are gone for ones that come back.
  mutating func keepGone() {
    unreachable.formUnion(gone.map(\.id))
    gone = []
  }

  /// Whether a caption file or sidecar is there as the catalog knows it.
  func isUnchanged(_ path: String) -> Bool {
    let path = FilePath(path)
    let source = Self.kind(of: path) != nil ? files.first { $0.path == path } : sidecars[Self.stem(of: path)]
    return source?.isUnchanged == true
  }

  /// Adds the caption files above a walk that began below them: they count for what it met, and are not walked.
  mutating func add(above start: FilePath, known: [CaptionFileRecord]) {
    for record in known {
      let path = record.file.path
      guard Self.kind(of: path) != nil, !path.starts(with: start),
        start.starts(with: path.removingLastComponent()),
        let status = try? FileStatus(of: folder.pushing(path), followsLinks: false)
      else { continue }
      files.append(Source(path: path, status: status, known: record))
    }
  }

  /// Whether a file may hold captions, by its name.
  static func isSource(_ path: FilePath) -> Bool {
    path.extension?.lowercased() == "txt" || kind(of: path) != nil
  }

  static func kind(of path: FilePath) -> CaptionFile.Kind? {
    path.lastComponent.flatMap { CaptionFile.Kind(fileName: $0.string) }
  }

  static func stem(of path: FilePath) -> FilePath {
    var stem = path
    stem.extension = nil
    return stem
  }

  /// The sidecar of a picture.
  func sidecar(of image: FilePath) -> Source? {
    sidecars[Self.stem(of: image)] ?? sidecars[image]
  }

  /// What reading a sidecar came to.
  enum SidecarReading {
    case read(captions: [String], record: FileRecord, problems: [SkippedFile])
    /// It is there, and cannot be read now: it counts as unread, and is tried again by the next run.
    case unreadable(SkippedFile)
  }

  /// Reads one sidecar. Problems are reported, never fatal.
  func read(sidecar source: Source) -> SidecarReading {
    let path = source.path
    let limit = CaptionLimits().sidecarBytes
    do {
      let (bytes, status) = try readFileAndStatus(folder.pushing(path), limit: limit, followsLinks: false)
      let parsed = SidecarCaptions.parse(bytes)
      return .read(
        captions: parsed.captions, record: record(path, status, hash: ContentHash(of: bytes).bytes),
        problems: problems(path, parsed.problems))
    } catch  where error.code == .tooLarge {
      let message = "more than \(limit) bytes are no list of captions: passed over"
      return .read(
        captions: [], record: record(path, source.status, hash: []), problems: [problem(path, message)])
    } catch {
      return .unreadable(problem(path, error.message))
    }
  }

  /// Reads and parses the caption files; those that cannot be read become problems.
  mutating func parseFiles() -> [Parsed] {
    var parsed: [Parsed] = []
    for source in files {
      let path = source.path
      guard let kind = Self.kind(of: path) else { continue }
      do {
        let (bytes, status) = try readFileAndStatus(
          folder.pushing(path), limit: CaptionLimits().fileBytes, followsLinks: false)
        let file = CaptionFile.parse(bytes, kind: kind)
        problems += problems(path, file.problems)
        var captions: [FilePath: [String]] = [:]
        for entry in file.entries {
          captions[FilePath(entry.imageName).lexicallyNormalized(), default: []] += entry.captions
        }
        let beside = path.removingLastComponent()
        let bareNames = captions.keys.filter {
          $0.components.count == 1
            && (try? FileStatus(of: folder.pushing(beside).pushing($0), followsLinks: false)) == nil
        }
        parsed.append(
          Parsed(
            source: source, folder: beside,
            record: record(path, status, hash: ContentHash(of: bytes).bytes), captions: captions,
            bareNames: Set(bareNames)))
      } catch {
        if let known = source.known { unreachable.insert(known.id) }
        problems.append(problem(path, error.message))
      }
    }
    return parsed
  }

  /// The lines of one file that are wrong: one entry, because the summary counts files.
  private func problems(_ path: FilePath, _ lines: [CaptionProblem]) -> [SkippedFile] {
    guard !lines.isEmpty else { return [] }
    var reasons = lines.prefix(Self.shownLines).map(\.description)
    if lines.count > reasons.count { reasons.append("and \(lines.count - reasons.count) more problems") }
    return [problem(path, reasons.joined(separator: "; "))]
  }

  /// So many wrong lines of a file are named.
  private static let shownLines = 20
  /// What ``SkippedFile/kind`` says of a caption file.
  static let problemKind = "captions"

  private func problem(_ path: FilePath, _ reason: String) -> SkippedFile {
    SkippedFile(path: folder.pushing(path).string, kind: Self.problemKind, reason: reason)
  }

  private func record(_ path: FilePath, _ status: FileStatus, hash: [UInt8]) -> FileRecord {
    FileRecord(
      root: root, path: path, size: Int64(status.size), modified: status.modified, inode: status.inode,
      hash: hash.isEmpty ? Self.noHash : hash)
  }

  /// For files that are known to exist and were not read to the end.
  static let noHash = [UInt8](repeating: 0, count: 16)
}
