// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import SystemPackage

/// The folder where `hf download` and transformers keep models: `models--ORG--NAME/snapshots/REVISION/…`.
struct HuggingFaceCache: Sendable {
  /// `hub`, which may not exist.
  let folder: FilePath

  /// The cache that the Hugging Face tools would use: `$HF_HUB_CACHE`, `$HF_HOME/hub`,
  /// `$XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub`.
  init(environment: (String) -> String?) {
    func set(_ name: String) -> FilePath? {
      environment(name).flatMap { $0.isEmpty ? nil : FilePath($0) }
    }
    let home = set("HOME") ?? BaseDirectories.current.home
    folder =
      set("HF_HUB_CACHE") ?? set("HUGGINGFACE_HUB_CACHE") ?? set("HF_HOME")?.appending("hub")
      ?? (set("XDG_CACHE_HOME") ?? home.appending(".cache")).appending("huggingface").appending("hub")
  }

  /// The repositories that are there, with the snapshot that is current, sorted by name.
  func models() -> [(repository: String, snapshot: FilePath)] {
    let names = (try? Folders.names(in: folder)) ?? []
    return names.compactMap { name in
      guard let repository = Self.repository(ofFolder: name), let snapshot = snapshot(inFolder: name) else {
        return nil
      }
      return (repository, snapshot)
    }
  }

  /// The current snapshot of `ORG/NAME`, nil when it is not in the cache.
  func snapshot(of repository: String) -> FilePath? {
    let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else { return nil }
    return snapshot(inFolder: "models--\(parts[0])--\(parts[1])")
  }

  /// `models--ORG--NAME` → `ORG/NAME`.
  static func repository(ofFolder name: String) -> String? {
    guard name.hasPrefix("models--") else { return nil }
    // Two hyphens part organisation and name, a single one belongs to a word; old models have no organisation.
    var organisation: [UInt8] = []
    var rest = Array(name.utf8.dropFirst("models--".utf8.count))[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "-"), rest.first == byte {
        return String(decoding: organisation, as: UTF8.self) + "/"
          + String(decoding: rest.dropFirst(), as: UTF8.self)
      }
      organisation.append(byte)
    }
    return organisation.isEmpty ? nil : String(decoding: organisation, as: UTF8.self)
  }

  /// What `refs/main` points to, or else the newest snapshot that has a configuration.
  private func snapshot(inFolder name: String) -> FilePath? {
    let repository = folder.appending(name)
    let snapshots = repository.appending("snapshots")
    let reference = try? readFile(repository.appending("refs").appending("main"), limit: 256)
    if let reference {
      let revision = String(decoding: reference.filter { $0 > 0x20 }, as: UTF8.self)
      if !revision.isEmpty, !revision.utf8.contains(UInt8(ascii: "/")), revision != "..",
        Self.isModel(snapshots.appending(revision))
      {
        return snapshots.appending(revision)
      }
    }
    let candidates = ((try? Folders.names(in: snapshots)) ?? []).map { snapshots.appending($0) }
    return candidates.filter(Self.isModel).max { Self.age($0) < Self.age($1) }
  }

  private static func isModel(_ folder: FilePath) -> Bool {
    (try? FileStatus(of: folder.appending("config.json")).kind) == .regular
  }

  private static func age(_ folder: FilePath) -> Int64 { (try? FileStatus(of: folder).modified) ?? 0 }
}
