// SPDX-License-Identifier: Apache-2.0
import GRDB

/// The catalog's tables. Versions are append-only: what a released version did is never edited.
enum Schema {
  /// The version this program writes, kept in `PRAGMA user_version`.
  static let version: Int64 = 1
  /// "DUET", in `PRAGMA application_id`: `file catalog.sqlite` can tell, and so can we.
  static let applicationID: Int64 = 0x4455_4554

  /// Brings the tables up to ``version``, also when another process does the same at this moment.
  ///
  /// The migrator looks which versions are there first and takes the write lock later, so it may trip over what the
  /// other process made in between. Then there are more versions than before, and it goes on from those.
  static func migrate(_ pool: DatabasePool) throws {
    let migrator = Self.migrator
    let before = try pool.writeWithoutTransaction(migrator.appliedIdentifiers)
    do {
      try migrator.migrate(pool)
    } catch let error as DatabaseError {
      guard try pool.writeWithoutTransaction(migrator.appliedIdentifiers).count > before.count else {
        throw error
      }
      try migrate(pool)
    }
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      for sql in [spaces, items, texts, vectors, meta] { try db.execute(sql: sql) }
      try db.execute(
        sql: """
          INSERT INTO meta (id, library, generation, created, itemCount)
          VALUES (1, ?, 0, CAST(strftime('%s', 'now') AS INTEGER), 0)
          """,
        arguments: [hexadecimal(.random(in: .min ... .max)) + hexadecimal(.random(in: .min ... .max))])
      try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
    }
    return migrator
  }

  /// One row of facts about the library. `generation` counts commits and never goes back; `itemCount` saves
  /// each query the counting of a million rows.
  private static let meta = """
    CREATE TABLE meta (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      library TEXT NOT NULL CHECK (length(library) = 32),
      generation INTEGER NOT NULL CHECK (generation >= 0),
      created INTEGER NOT NULL,
      itemCount INTEGER NOT NULL CHECK (itemCount >= 0)
    ) STRICT;
    CREATE TRIGGER metaCountsUp AFTER INSERT ON item
      BEGIN UPDATE meta SET itemCount = itemCount + 1; END;
    CREATE TRIGGER metaCountsDown AFTER DELETE ON item
      BEGIN UPDATE meta SET itemCount = itemCount - 1; END;
    CREATE TRIGGER metaGenerationRises BEFORE UPDATE OF generation ON meta
      WHEN NEW.generation <= OLD.generation
      BEGIN SELECT RAISE(ABORT, 'the generation may only rise'); END;
    CREATE TRIGGER metaStays BEFORE DELETE ON meta
      BEGIN SELECT RAISE(ABORT, 'the meta row stays'); END;
    CREATE TABLE setting (
      key TEXT PRIMARY KEY NOT NULL,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  /// An embedding space is a model's fingerprint. At most one is active and one is being built; a third
  /// state keeps the row while segment files of it wait to be unlinked.
  private static let spaces = """
    CREATE TABLE space (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      model TEXT NOT NULL CHECK (model <> ''),
      weightsHash TEXT NOT NULL,
      preprocessing TEXT NOT NULL,
      dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 65536),
      composeRule TEXT NOT NULL CHECK (composeRule <> ''),
      state TEXT NOT NULL CHECK (state IN ('active', 'building', 'retired'))
    ) STRICT;
    CREATE UNIQUE INDEX spaceActive ON space (state) WHERE state = 'active';
    CREATE UNIQUE INDEX spaceBuilding ON space (state) WHERE state = 'building';
    """

  /// Paths are TEXT with SQLite's BINARY collation: compared by their bytes, and readable.
  private static let items = """
    CREATE TABLE root (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      path TEXT NOT NULL UNIQUE CHECK (path <> ''),
      device INTEGER,
      lastSeen INTEGER
    ) STRICT;
    CREATE TABLE item (
      id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
      root INTEGER NOT NULL REFERENCES root (id),
      path TEXT NOT NULL CHECK (path <> '' AND substr(path, 1, 1) <> '/'),
      size INTEGER NOT NULL CHECK (size >= 0),
      modified INTEGER NOT NULL,
      inode INTEGER NOT NULL,
      hash BLOB NOT NULL CHECK (length(hash) BETWEEN 8 AND 64),
      format TEXT NOT NULL CHECK (format <> ''),
      width INTEGER NOT NULL CHECK (width > 0),
      height INTEGER NOT NULL CHECK (height > 0),
      orientation INTEGER NOT NULL CHECK (orientation BETWEEN 1 AND 8),
      taken INTEGER,
      cameraMake TEXT,
      cameraModel TEXT,
      added INTEGER NOT NULL,
      changed INTEGER NOT NULL CHECK (changed >= added),
      UNIQUE (root, path)
    ) STRICT;
    CREATE INDEX itemHash ON item (hash);
    CREATE TABLE skip (
      root INTEGER NOT NULL REFERENCES root (id) ON DELETE CASCADE,
      path TEXT NOT NULL,
      reason TEXT NOT NULL CHECK (reason <> ''),
      message TEXT NOT NULL,
      size INTEGER,
      modified INTEGER,
      PRIMARY KEY (root, path)
    ) STRICT, WITHOUT ROWID;
    """

  /// The tokenizer is FTS5's own, told that combining marks belong to words (Hindi, Thai and others would
  /// otherwise be cut at every vowel sign), so any sqlite3 can read and search the table. Its rows follow the items by our code, not by
  /// triggers: with an untrusted schema SQLite runs no trigger on FTS5 tables.
  private static let texts = """
    CREATE TABLE captionFile (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      root INTEGER NOT NULL REFERENCES root (id) ON DELETE CASCADE,
      path TEXT NOT NULL CHECK (path <> ''),
      size INTEGER NOT NULL CHECK (size >= 0),
      modified INTEGER NOT NULL,
      hash BLOB NOT NULL CHECK (length(hash) BETWEEN 8 AND 64),
      UNIQUE (root, path)
    ) STRICT;
    CREATE TABLE caption (
      item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
      ordinal INTEGER NOT NULL CHECK (ordinal BETWEEN 0 AND 4294967295),
      text TEXT NOT NULL CHECK (text <> ''),
      textHash INTEGER NOT NULL,
      source TEXT NOT NULL CHECK (source IN ('sidecar', 'file', 'embedded', 'user')),
      sourceFile INTEGER REFERENCES captionFile (id) ON DELETE SET NULL,
      boilerplate INTEGER NOT NULL CHECK (boilerplate IN (0, 1)),
      PRIMARY KEY (item, ordinal)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX captionTextHash ON caption (textHash);
    CREATE INDEX captionSourceFile ON caption (sourceFile) WHERE sourceFile IS NOT NULL;
    CREATE TABLE tag (
      item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
      folded TEXT NOT NULL CHECK (folded <> ''),
      text TEXT NOT NULL,
      PRIMARY KEY (item, folded)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tagFolded ON tag (folded);
    CREATE VIRTUAL TABLE words USING fts5(
      caption, tag, name, folder,
      tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );
    """

  /// Vectors not yet in a segment, the segments, what in them is void, and what still needs embedding.
  private static let vectors = """
    CREATE TABLE freshVector (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      space INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
      field TEXT NOT NULL CHECK (field IN ('image', 'caption')),
      item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
      ordinal INTEGER NOT NULL CHECK (ordinal BETWEEN 0 AND 4294967295),
      vector BLOB NOT NULL CHECK (length(vector) > 0 AND length(vector) % 4 = 0),
      UNIQUE (space, field, item, ordinal)
    ) STRICT;
    CREATE INDEX freshVectorItem ON freshVector (item);
    CREATE TABLE pending (
      space INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
      field TEXT NOT NULL CHECK (field IN ('image', 'caption')),
      item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
      PRIMARY KEY (space, field, item)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pendingItem ON pending (item);
    CREATE TABLE segment (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      space INTEGER NOT NULL REFERENCES space (id),
      field TEXT NOT NULL CHECK (field IN ('image', 'caption')),
      file TEXT NOT NULL UNIQUE CHECK (file <> '' AND instr(file, '/') = 0),
      count INTEGER NOT NULL CHECK (count > 0),
      bytes INTEGER NOT NULL CHECK (bytes > 0),
      minItem INTEGER NOT NULL CHECK (minItem > 0),
      maxItem INTEGER NOT NULL CHECK (maxItem >= minItem),
      state TEXT NOT NULL CHECK (state IN ('live', 'retired')),
      created INTEGER NOT NULL,
      retired INTEGER CHECK (retired >= created),
      CHECK ((state = 'retired') = (retired IS NOT NULL))
    ) STRICT;
    CREATE INDEX segmentSpace ON segment (space);
    CREATE TRIGGER segmentStaysRetired BEFORE UPDATE OF state ON segment
      WHEN OLD.state = 'retired' AND NEW.state <> 'retired'
      BEGIN SELECT RAISE(ABORT, 'a retired segment cannot come back'); END;
    CREATE TRIGGER segmentLiveStays BEFORE DELETE ON segment WHEN OLD.state = 'live'
      BEGIN SELECT RAISE(ABORT, 'a live segment must be retired first'); END;
    CREATE TABLE tombstone (
      segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
      item INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      PRIMARY KEY (segment, item)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER itemVectorsGo AFTER DELETE ON item BEGIN
      INSERT OR IGNORE INTO tombstone (segment, item, generation)
        SELECT segment.id, OLD.id, meta.generation FROM segment, meta
        WHERE segment.state = 'live' AND OLD.id BETWEEN segment.minItem AND segment.maxItem;
    END;
    CREATE TABLE calibration (
      space INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
      field TEXT NOT NULL CHECK (field IN ('image', 'caption')),
      kind TEXT NOT NULL CHECK (kind <> ''),
      mean REAL NOT NULL,
      deviation REAL NOT NULL CHECK (deviation > 0),
      sampleCount INTEGER NOT NULL CHECK (sampleCount > 0),
      quantiles BLOB NOT NULL CHECK (length(quantiles) % 4 = 0),
      generation INTEGER NOT NULL,
      PRIMARY KEY (space, field, kind)
    ) STRICT, WITHOUT ROWID;
    """

  /// 16 hexadecimal digits.
  static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
