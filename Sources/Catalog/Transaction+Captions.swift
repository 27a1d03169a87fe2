// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import SystemPackage

extension CatalogTransaction {
  /// Sets the captions of an item; their places become their ordinals.
  ///
  /// If the texts to embed are the same as before, in the same order, vectors stay. Otherwise all caption
  /// vectors of the item are void and it is pending in the caption field.
  /// - Returns: whether caption vectors are needed anew.
  @discardableResult
  package func replaceCaptions(of item: ItemID, with captions: [Caption]) throws(CatalogError) -> Bool {
    let captions = captions.map { caption in
      var caption = caption
      caption.text = CaptionText.withoutNull(caption.text)
      return caption
    }
    let old = try rows("SELECT text, boilerplate FROM caption WHERE item = ? ORDER BY ordinal", [item])
      .map { row throws(CatalogError) in (text: try row.text(0), isBoilerplate: try row.integer(1) != 0) }
    try execute("DELETE FROM caption WHERE item = ?", [item])
    for (ordinal, caption) in captions.enumerated() {
      try execute(
        """
        INSERT INTO caption (item, ordinal, text, textHash, source, sourceFile, boilerplate)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [
          item, ordinal, caption.text, CaptionText.hash(caption.text), caption.source.rawValue,
          caption.sourceFile, caption.isBoilerplate,
        ])
    }
    let isSame =
      old.count == captions.count
      && zip(old, captions).allSatisfy {
        $0.text.utf8.elementsEqual($1.text.utf8) && $0.isBoilerplate == $1.isBoilerplate
      }
    if isSame { return false }
    itemsWithStaleWords.insert(item)
    try invalidateVectors(of: item, field: .caption)
    return captions.contains { !$0.isBoilerplate }
  }

  /// Sets the tags of an item. Tags that differ in case only are one.
  package func replaceTags(of item: ItemID, with tags: [String]) throws(CatalogError) {
    try execute("DELETE FROM tag WHERE item = ?", [item])
    for tag in tags {
      let text = CaptionText.withoutNull(tag)
      try execute(
        "INSERT OR IGNORE INTO tag (item, folded, text) VALUES (?, ?, ?)",
        [item, CaptionText.folded(text), text])
    }
    itemsWithStaleWords.insert(item)
  }

  // MARK: - Caption files

  /// Records a sidecar or caption file as seen now.
  @discardableResult
  package func recordCaptionFile(_ file: FileRecord) throws(CatalogError) -> CaptionFileID {
    let found = try rows(
      """
      INSERT INTO captionFile (root, path, size, modified, hash) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (root, path) DO UPDATE SET size = excluded.size, modified = excluded.modified,
        hash = excluded.hash
      RETURNING id
      """, [file.root, file.path.string, file.size, file.modified, Data(file.hash)])
    guard let row = found.first else { throw CatalogError(.inputOutput, "\(file.path) was not recorded") }
    return try row.integer(0)
  }

  /// Forgets a caption file that is gone. Its captions stay until they are replaced.
  package func removeCaptionFile(_ id: CaptionFileID) throws(CatalogError) {
    try execute("DELETE FROM captionFile WHERE id = ?", [id])
  }

  // MARK: - Words

  /// Writes the words of the items that need it: captions, tags, the file's name and its folders.
  func writeStaleWords() throws(CatalogError) {
    for item in itemsWithStaleWords.sorted() {
      guard let row = try rows("SELECT path FROM item WHERE id = ?", [item]).first else { continue }
      let path = try row.text(0)
      let captions = try rows("SELECT text FROM caption WHERE item = ? ORDER BY ordinal", [item])
        .map { row throws(CatalogError) in try row.text(0) }
      let tags = try rows("SELECT text FROM tag WHERE item = ? ORDER BY folded", [item])
        .map { row throws(CatalogError) in try row.text(0) }
      let names = CaptionText.namesInPath(path)
      try execute("DELETE FROM words WHERE rowid = ?", [item])
      try execute(
        "INSERT INTO words (rowid, caption, tag, name, folder) VALUES (?, ?, ?, ?, ?)",
        [
          item, WordSegmenter.stored(captions), WordSegmenter.stored(tags),
          WordSegmenter.stored([names.name]),
          WordSegmenter.stored(names.folders),
        ])
    }
    itemsWithStaleWords.removeAll()
  }
}
