// SPDX-License-Identifier: Apache-2.0
import Captions
import Catalog
import Files
import SystemPackage

/// The captions of one root during one run: what the files say, and which of them changed.
struct RootCaptions: Sendable {
  /// What was gathered for one picture, ready to be written.
  struct Gathered: Sendable {
    /// From caption files and from the picture itself.
    var captions: [Caption]
    /// The picture's sidecar, if it has one.
    var sidecar: (captions: [String], record: FileRecord)?
    var problems: [SkippedFile] = []

    /// Writes the captions, the sidecar's first; the sidecar counts as read in the same transaction.
    @discardableResult
    func write(to item: ItemID, in transaction: CatalogTransaction) throws -> [Caption] {
      var all: [Caption] = []
      if let sidecar {
        let file = try transaction.recordCaptionFile(sidecar.record)
        all = sidecar.captions.map { Caption($0, source: .sidecar, sourceFile: file) }
      }
      for caption in captions where !all.contains(where: { $0.text.utf8.elementsEqual(caption.text.utf8) }) {
        all.append(caption)
      }
      try transaction.replaceCaptions(of: item, with: all)
      return all
    }
  }

  private var sources: CaptionSources
  /// Whether a sidecar of a picture is new or changed. Other text files are none of ours.
  private let hasChangedSidecar: Bool
  private var parsed: [CaptionSources.Parsed] = []
  /// The catalog's row of each caption file, by path.
  private var rows: [FilePath: CaptionFileID] = [:]
  private let store: CatalogStore

  init(part: IngestPart, root: Root, walk: RootWalk, store: CatalogStore) throws {
    let known = try store.captionFiles(root: root.id)
    sources = CaptionSources(
      root: root.id, folder: part.root, found: walk.captionSources,
      known: known.filter { $0.file.path.starts(with: part.start) }, unread: walk.unread)
    if !part.start.isEmpty { sources.add(above: part.start, known: known) }
    let changed = sources.sidecars.filter { !$0.value.isUnchanged }
    hasChangedSidecar =
      !changed.isEmpty
      && walk.pictures.contains {
        changed[CaptionSources.stem(of: $0.path)] != nil || changed[$0.path] != nil
      }
    self.store = store
  }

  /// What is wrong in caption files.
  var problems: [SkippedFile] { sources.problems }

  /// Whether any sidecar or caption file is new, changed or gone.
  var haveChanged: Bool {
    !sources.gone.isEmpty || sources.files.contains { !$0.isUnchanged } || hasChangedSidecar
  }

  /// Reads the caption files. Each gets its row now, so that captions can name it, but counts as read only after
  /// ``recordFiles(in:)``: a run that is cut off reads it again.
  mutating func load() throws {
    parsed = sources.parseFiles()
    rows = try store.write { [parsed] transaction in
      var rows: [FilePath: CaptionFileID] = [:]
      for file in parsed {
        if let known = file.source.known {
          rows[file.record.path] = known.id
        } else {
          var unread = file.record
          (unread.size, unread.modified, unread.hash) = (0, 0, CaptionSources.noHash)
          rows[file.record.path] = try transaction.recordCaptionFile(unread)
        }
      }
      return rows
    }
  }

  /// Everything that describes a picture.
  ///
  /// - Parameters:
  ///   - own: what the picture file says itself; nil when it was not read: then what the catalog has of that counts.
  ///   - before: the captions that the catalog has. Those from a sidecar that cannot be read now stay.
  func gather(for image: FilePath, own: [Caption]? = nil, before: [Caption]) -> Gathered {
    var captions: [Caption] = []
    for file in parsed {
      for text in file.captions(of: image) ?? [] {
        captions.append(Caption(text, source: .file, sourceFile: rows[file.record.path]))
      }
    }
    // What belongs to files that were not read or not looked at in this run is kept as it was.
    let kept = before.filter { $0.source == .file && $0.sourceFile.map(sources.unreachable.contains) == true }
    var gathered = Gathered(
      captions: captions + kept + (own ?? before.filter { $0.source == .embedded })
        + before.filter { $0.source == .user })
    guard let source = sources.sidecar(of: image) else { return gathered }
    switch sources.read(sidecar: source) {
    case .read(let texts, let record, let problems):
      gathered.sidecar = (texts, record)
      gathered.problems = problems
    case .unreadable(let problem):
      gathered.captions = before.filter { $0.source == .sidecar } + gathered.captions
      gathered.problems = [problem]
    }
    return gathered
  }

  /// Takes caption files that are gone for ones that come back.
  mutating func keepGone() { sources.keepGone() }

  /// Whether an earlier run's complaint about a caption file holds: the file is as it was, and was not read again.
  func isStanding(_ skip: Skip) -> Bool {
    skip.reason == CaptionSources.problemKind && sources.isUnchanged(skip.path)
  }

  /// The pictures, among those whose files are unchanged, that a changed sidecar or caption file speaks of.
  func affected(among unchanged: [KnownFile], store: CatalogStore) throws -> [KnownFile] {
    let changedFiles = parsed.filter { !$0.source.isUnchanged }
    let changedSidecars = sources.sidecars.filter { !$0.value.isUnchanged }
    guard !changedFiles.isEmpty || !changedSidecars.isEmpty || !sources.gone.isEmpty else { return [] }
    var captioned: Set<ItemID> = []
    for file in sources.gone.map(\.id) + changedFiles.compactMap(\.source.known?.id) {
      captioned.formUnion(try store.items(captionedBy: file))
    }
    return unchanged.filter { item in
      let path = item.file.path
      return captioned.contains(item.id) || changedSidecars[CaptionSources.stem(of: path)] != nil
        || changedSidecars[path] != nil || changedFiles.contains { $0.captions(of: path) != nil }
    }
  }

  /// Records the caption files as read, and forgets those that are gone.
  func recordFiles(in transaction: CatalogTransaction) throws {
    for file in parsed { try transaction.recordCaptionFile(file.record) }
    for file in sources.gone { try transaction.removeCaptionFile(file.id) }
  }
}
