// SPDX-License-Identifier: Apache-2.0

/// How sure a search must be to find the true nearest neighbours.
package enum Recall: Hashable, Sendable {
  /// All of them, provably.
  case exact
  /// On average at least this share of them, 0 < share < 1.
  case atLeast(Double)
}

/// How one source of a search is looked through, and why.
enum SourcePlan: Hashable, Sendable {
  /// Every allowed vector is looked at.
  case scan(Reason)
  /// The nearest lists are.
  case probe(ListEffort)
  /// Nothing is allowed there.
  case skip

  /// What happens to `table`, and why.
  func description(_ table: VectorTable) -> String {
    switch self {
    case .skip: "left out, nothing there is allowed"
    case .scan(let reason): "all read\(table.codes == nil ? "" : " as codes"): \(reason.rawValue)"
    case .probe(let effort):
      "\(effort.nprobe) of \(table.lists?.count ?? 0) lists read, \(effort.candidateCount) entries looked at again, "
        + "\(effort.rescoredCount) scored exactly"
    }
  }

  enum Reason: String, Sendable {
    case wantedExact = "exact search"
    case small = "too few for lists"
    case fewAllowed = "few are allowed"
    case manyWanted = "so many are wanted that most lists would be read"
  }
}

/// Chooses between scanning and probing from the size of a segment, what a filter allows, k and the recall.
struct SearchPlanner {
  let k: Int
  let recall: Recall

  /// - Parameter allowedCount: slots that may be returned.
  func plan(_ table: VectorTable, allowedCount: Int) -> SourcePlan {
    guard allowedCount > 0 else { return .skip }
    guard let lists = table.lists else { return .scan(.small) }
    guard case .atLeast(let share) = recall, share < 1 else { return .scan(.wantedExact) }
    let selectivity = Double(allowedCount) / Double(table.count)
    guard allowedCount >= max(5_000, table.count / 50) else { return .scan(.fewAllowed) }
    let effort = effort(lists, recall: share, spread: min(1 / selectivity, 16))
    // Reading an entry costs about an eighth of reading a code; each vector has two.
    guard effort.nprobe * 2 < lists.count else { return .scan(.manyWanted) }
    return .probe(effort)
  }

  /// - Parameter spread: over how many times as many lists the neighbours lie, since a filter leaves fewer in each.
  private func effort(_ lists: InvertedLists, recall: Double, spread: Double) -> ListEffort {
    // Measured on few queries, and not the user's: a third of the misses is kept in reserve.
    let measured = lists.effort(recall: 1 - (1 - recall) * 0.67)
    let depth = Double(max(k, MeasuredEffort.k)) / Double(MeasuredEffort.k)
    let nprobe = Double(measured.nprobe) * depth.squareRoot() * spread
    let candidates = Double(measured.candidateCount) * (depth + depth.squareRoot()) / 2
    return ListEffort(
      nprobe: min(lists.count, max(1, Int(nprobe.rounded(.up)))),
      candidateCount: min(1 << 20, max(k + 16, Int(candidates.rounded(.up)))),
      rescoredCount: k + max(6, k / 2))
  }
}
