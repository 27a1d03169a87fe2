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

    /// The captions that it has for a picture: by its path from the file's folder, else by its bare name.
    func captions(of image: FilePath) -> [String]? {
      var relative = image
      guard folder.isEmpty || relative.removePrefix(folder), let name = image.lastComponent else {
        return nil
      }
      return captions[relative] ?? captions[FilePath(root: nil, components: name)]
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
  /// What is wrong in caption files, for the summary.
  private(set) var problems: [SkippedFile] = []

  /// - Parameters:
  ///   - found: all text and caption files that the walk met (see ``isSource(_:)``).
  ///   - known: the catalog's rows of this root, of the part that was walked.
  init(root: RootID, folder: FilePath, found: [WalkedFile], known: [CaptionFileRecord]) {
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
    gone = byPath.values.sorted { $0.id < $1.id }
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

  /// Reads one sidecar. Problems are reported, never fatal.
  func read(sidecar source: Source) -> (captions: [String], record: FileRecord, problems: [SkippedFile]) {
    let path = source.path
    guard
      let (bytes, status) = try? readFileAndStatus(
        folder.pushing(path), limit: CaptionLimits().sidecarBytes, followsLinks: false)
    else {
      let message = "cannot be read, or has more than \(CaptionLimits().sidecarBytes) bytes"
      return ([], record(path, source.status, hash: []), [problem(path, message)])
    }
    let parsed = SidecarCaptions.parse(bytes)
    let problems = parsed.problems.map { problem(path, $0.description) }
    return (parsed.captions, record(path, status, hash: ContentHash(of: bytes).bytes), problems)
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
        for line in file.problems {
          problems.append(problem(path, line.description))
        }
        var captions: [FilePath: [String]] = [:]
        for entry in file.entries {
          captions[FilePath(entry.imageName).lexicallyNormalized(), default: []] += entry.captions
        }
        parsed.append(
          Parsed(
            source: source, folder: path.removingLastComponent(),
            record: record(path, status, hash: ContentHash(of: bytes).bytes), captions: captions))
      } catch {
        problems.append(problem(path, error.message))
      }
    }
    return parsed
  }

  private func problem(_ path: FilePath, _ reason: String) -> SkippedFile {
    SkippedFile(path: folder.pushing(path).string, kind: "captions", reason: reason)
  }

  private func record(_ path: FilePath, _ status: FileStatus, hash: [UInt8]) -> FileRecord {
    FileRecord(
      root: root, path: path, size: Int64(status.size), modified: status.modified, inode: status.inode,
      hash: hash.isEmpty ? Self.noHash : hash)
  }

  /// For files that are known to exist and were not read to the end.
  static let noHash = [UInt8](repeating: 0, count: 16)
}
