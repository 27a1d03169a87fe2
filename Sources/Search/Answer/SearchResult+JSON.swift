// SPDX-License-Identifier: Apache-2.0
import Catalog
import SystemPackage

extension JSONText {
  /// The last object of an answer.
  ///
  /// - Parameter shown: how many of the hits are shown; nil for all.
  package init(summaryOf result: SearchResult, shown: Int? = nil) {
    let summary = result.summary
    var fields: [(String, JSONText)] = [
      ("type", "summary"), ("shown", .int(shown ?? result.hits.count)), ("found", .int(summary.found)),
      ("found_is_capped", .bool(summary.isFoundCapped)), ("searched", .int(summary.searched)),
      ("excluded", .int(summary.excluded)), ("cut", .string(summary.cut.description)),
      ("generation", .int(Int(summary.generation))), ("notes", .strings(summary.notes)),
    ]
    if let plan = result.plan { fields.append(("plan", JSONText(plan))) }
    self = .object(fields)
  }

  /// A hit, as `--json` and the daemon show it.
  package init(hit: Hit, rank: Int) {
    var fields: [(String, JSONText)] = [
      ("type", "hit"), ("rank", .int(rank)), ("id", .int(Int(hit.item.id))),
      ("path", .string(hit.path.string)),
      ("relative", .string(hit.item.file.path.string)), ("score", .optional(hit.score)),
      ("z", .optional(hit.z)),
      ("source", .string(hit.source.rawValue)), ("words", .bool(hit.holdsWords)),
      ("fused", .number(hit.fused)),
      ("captions", .strings(hit.captions)), ("tags", .strings(hit.tags)),
    ]
    fields += JSONText.facts(of: hit.item)
    if let explanation = hit.explanation { fields.append(("explanation", JSONText(explanation))) }
    self = .object(fields)
  }

  /// An item by itself.
  package init(_ record: ItemRecord) {
    let picture = record.item.picture
    let camera = [picture.cameraMake, picture.cameraModel].compactMap(\.self).joined(separator: " ")
    self = .object(
      [
        ("id", .int(Int(record.item.id))), ("path", .string(record.path.string)),
        ("relative", .string(record.item.file.path.string)),
        ("captions", .strings(record.captions)), ("tags", .strings(record.tags)),
      ] + JSONText.facts(of: record.item) + [("camera", camera.isEmpty ? .null : .string(camera))])
  }

  private static func facts(of item: Item) -> [(String, JSONText)] {
    let picture = item.picture
    let isTurned = picture.orientation >= 5
    return [
      ("format", .string(picture.format)), ("width", .int(isTurned ? picture.height : picture.width)),
      ("height", .int(isTurned ? picture.width : picture.height)), ("bytes", .int(Int(item.file.size))),
      ("modified", .int(Int(item.file.modified / 1_000_000_000))),
      ("taken", picture.taken.map { .int(Int($0)) } ?? .null),
    ]
  }

  private init(_ explanation: HitExplanation) {
    self = [
      "lists": .array(
        explanation.lists.map {
          [
            "source": .string($0.source.rawValue), "rank": .int($0.rank), "score": .float($0.score),
            "z": .float($0.z), "adds": .number($0.value),
          ]
        }),
      "terms": .array(
        explanation.terms.map {
          ["term": .string($0.label), "cosine": .float($0.cosine), "share": .optional($0.share)]
        }),
      "words": .strings(explanation.words),
    ]
  }

  private init(_ plan: QueryPlan) {
    let terms = plan.terms.map { term -> JSONText in
      [
        "term": .string(term.label), "role": .string(term.role.rawValue), "weight": .float(term.weight),
        "length": .optional(term.norm), "dropped_tokens": .int(term.droppedTokens),
      ]
    }
    let words = plan.words.map { word -> JSONText in
      ["word": .string(word.word), "items": .int(word.items), "rare": .bool(word.isRare)]
    }
    let lists = plan.lists.map { list -> JSONText in
      [
        "source": .string(list.source.rawValue), "weight": .number(list.weight), "ranked": .int(list.ranked),
        "passing": .int(list.passing), "null_mean": .optional(list.null?.typicalScore),
        "null_deviation": .optional(list.null?.standardDeviation), "null_scores": .int(list.null?.count ?? 0),
        "paths": .strings(list.paths),
      ]
    }
    self = [
      "kind": .string(plan.kind.rawValue), "compose_rule": .optional(plan.composeRule),
      "coherence": .optional(plan.coherence), "terms": .array(terms), "words": .array(words),
      "lists": .array(lists), "fusion": .string(plan.fusion.name),
      "cut": .string(plan.cut.description),
    ]
  }

  /// A number, or null.
  package static func optional(_ value: Float?) -> JSONText { value.map(JSONText.float) ?? .null }
}
