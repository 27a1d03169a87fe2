// SPDX-License-Identifier: Apache-2.0
import Files
import Images
import SystemPackage

/// Everything that one walk met, sorted by what it is to us.
struct RootWalk: Sendable {
  /// The device that holds the root.
  let device: UInt64
  /// Files that are pictures by their first bytes, or claim to be one by their names.
  private(set) var pictures: [WalkedFile] = []
  /// Sidecars and caption files.
  private(set) var captionSources: [WalkedFile] = []
  /// Files that are neither.
  private(set) var otherFiles = 0
  /// What could not be looked at, for the summary.
  private(set) var problems: [SkippedFile] = []
  /// The same, as paths relative to the root: items below them are not missing.
  private(set) var unread: [FilePath] = []

  /// - Parameter progress: told the number of files met, now and then.
  /// - Throws: ``FileError`` when the root itself cannot be opened.
  init(_ part: IngestPart, options: DirectoryWalker.Options, progress: (Int) -> Void) throws(FileError) {
    device = try FileStatus(of: part.root).device
    let walker = try DirectoryWalker(root: part.root, from: part.start, options: options)
    for event in walker {
      switch event {
      case .problem(let problem):
        problems.append(
          SkippedFile(
            path: part.root.pushing(problem.path).string, kind: "unreadable", reason: problem.message))
        unread.append(problem.path)
      case .folder: break
      case .file(let file):
        sort(file, in: part.root)
        let met = pictures.count + captionSources.count + otherFiles
        if met % 256 == 0 { progress(met) }
      }
    }
  }

  private mutating func sort(_ file: WalkedFile, in root: FilePath) {
    if CaptionSources.isSource(file.path) {
      captionSources.append(file)
    } else if Self.claimsToBePicture(file.path) {
      pictures.append(file)
    } else if !Self.isKnownOther(file.path),
      let head = try? readPrefix(
        root.pushing(file.path), count: ImageFormat.magicLength, followsLinks: false),
      ImageFormat.detect(head) != nil
    {
      pictures.append(file)
    } else {
      otherFiles += 1
    }
  }

  /// Whether the name promises a picture: then it is worth a word when there is none inside.
  private static func claimsToBePicture(_ path: FilePath) -> Bool {
    path.extension.map { pictureExtensions.contains($0.lowercased()) } ?? false
  }

  /// Names whose files are not worth opening just to see that they are no pictures.
  private static func isKnownOther(_ path: FilePath) -> Bool {
    path.extension.map { otherExtensions.contains($0.lowercased()) } ?? false
  }

  private static let pictureExtensions: Set<String> = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "heic", "heif", "avif", "gif", "tif", "tiff", "bmp",
  ]

  private static let otherExtensions: Set<String> = [
    "mp4", "mov", "avi", "mkv", "webm", "mts", "3gp", "mp3", "m4a", "wav", "flac", "ogg", "opus", "pdf",
    "doc", "docx",
    "xls", "xlsx", "ppt", "pptx", "odt", "html", "css", "js", "ts", "json", "xml", "xmp", "yaml", "yml",
    "toml", "md",
    "csv", "tsv", "log", "sqlite", "db", "zip", "gz", "xz", "bz2", "zst", "7z", "rar", "tar", "iso", "so",
    "o", "a", "c",
    "h", "cpp", "hpp", "rs", "go", "py", "swift", "java", "class", "jar", "sh", "ttf", "otf", "woff", "woff2",
    "npy",
    "parquet", "safetensors", "bin", "pt", "onnx", "gguf",
  ]
}
