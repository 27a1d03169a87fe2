// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Images
import Search
import SystemPackage

/// What to say when photographs meet the built-in model, which knows pictograms only.
enum PhotographAdvice {
  /// The model that understands photographs and composed queries, and how to get it.
  static let text =
    "these look like photographs, and the built-in model knows pictograms only: it will find next to nothing in "
    + "them.\n" + howToGetAModel

  /// The same, without the reason: how to get the model and use it.
  static let howToGetAModel = """
    BGE-VL understands photographs. Fetch it once (300 MB), then index with it:
      hf download BAAI/BGE-VL-base       (hf comes with: pip install huggingface_hub)
      duet index --model BAAI/BGE-VL-base FOLDER
    """

  /// Says so before indexing starts, when the folders hold photographs.
  static func give(for model: ModelSource, folders: [FilePath], options: DirectoryWalker.Options) {
    guard model == .builtin, folders.contains(where: { holdsPhotographs($0, options) }) else { return }
    Diagnostics.note(text)
  }

  /// What to say beside an answer, when the library holds mostly photographs.
  static func advice(for model: ModelSource, about library: LibrarySnapshot) throws -> String? {
    guard model == .builtin, try holdsMostlyPhotographs(library.catalog, library.state) else { return nil }
    return text
  }

  /// A JPEG from a camera, or as large as only cameras make them.
  static func isCameraLike(_ picture: PictureRecord) -> Bool {
    picture.format == ImageFormat.jpeg.rawValue
      && (picture.cameraMake != nil || picture.cameraModel != nil
        || picture.width * picture.height >= cameraPixels)
  }

  private static let cameraPixels = 2_000_000
  /// So many files are walked, and so many JPEGs looked into, at most: a look takes a moment, not a minute.
  private static let walkedFiles = 20_000
  private static let openedFiles = 48
  /// Enough for what stands before a JPEG's first scan: Exif with its preview, and a colour profile.
  private static let headLength = 1 << 18

  /// Whether one of the first JPEGs of a folder is camera-like.
  static func holdsPhotographs(_ folder: FilePath, _ options: DirectoryWalker.Options) -> Bool {
    guard let walker = try? DirectoryWalker(root: folder, options: options) else { return false }
    var opened = 0
    for event in walker.prefix(walkedFiles) {
      guard case .file(let file) = event, isNamedJPEG(file.path) else { continue }
      if isPhotograph(folder.pushing(file.path)) { return true }
      opened += 1
      if opened >= openedFiles { return false }
    }
    return false
  }

  private static func isNamedJPEG(_ path: FilePath) -> Bool {
    path.extension.map { ["jpg", "jpeg", "jpe", "jfif"].contains($0.lowercased()) } ?? false
  }

  private static func isPhotograph(_ path: FilePath) -> Bool {
    guard let head = try? readPrefix(path, count: headLength, followsLinks: false),
      let info = try? ImageDecoder.probe(head), info.format == .jpeg
    else { return false }
    if info.width * info.height >= cameraPixels { return true }
    let metadata = try? ImageDecoder.metadata(head)
    return metadata?.exif[EXIFTag.make] != nil || metadata?.exif[EXIFTag.model] != nil
  }

  /// Whether most of some items, taken at even distances, are camera-like.
  private static func holdsMostlyPhotographs(_ library: CatalogStore, _ state: CatalogSnapshot) throws -> Bool
  {
    let last = max(
      state.segments.map(\.items.upperBound).max() ?? 0, state.fresh[.image]?.keys.last?.item ?? 0)
    guard last > 0 else { return false }
    let ids = stride(from: Int64(1), through: last, by: Int(max(1, last / 64))).map { $0 }
    let items = try library.items(ids)
    return items.count { isCameraLike($0.picture) } * 2 > items.count
  }
}
