// SPDX-License-Identifier: Apache-2.0
import SystemPackage

extension JSONText {
  /// What a run of `duet index` did, as `--json` and the daemon show it.
  package init(_ report: Ingestor.Report, location: LibraryLocation, model: String, duration: Duration) {
    let summary = report.summary
    self = [
      "type": "summary", "library": .string(location.directory.string), "model": .string(model),
      "indexed": .int(summary.indexed), "unchanged": .int(summary.unchanged), "moved": .int(summary.moved),
      "removed": .int(summary.removed), "recaptioned": .int(summary.recaptioned),
      "skipped": .int(report.skipped.count),
      "unsupported": .object(
        summary.unsupported.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) }),
      "otherFiles": .int(summary.otherFiles), "guardedRoots": .strings(summary.guardedRoots),
      "interrupted": .bool(summary.wasInterrupted),
      "seconds": .number((duration.seconds * 1000).rounded() / 1000),
      "stages": [
        "read": report.stages.read.json, "embed": report.stages.embed.json, "save": report.stages.save.json,
      ],
      "skippedFiles": .array(
        report.skipped.map {
          ["path": .string($0.path), "kind": .string($0.kind), "reason": .string($0.reason)]
        }),
    ]
  }
}

extension IngestStages.Stage {
  /// `{"pictures": 812, "seconds": 9.312}`
  fileprivate var json: JSONText {
    ["pictures": .int(pictures), "seconds": .number((time.seconds * 1000).rounded() / 1000)]
  }
}
