// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// How sure a search must be to find the true nearest neighbours.
package enum Recall: Hashable, Sendable {
  /// All of them, provably.
  case exact
  /// On average at least this share of them, 0 < share < 1.
  case atLeast(Double)

  /// What a search for a few neighbours asks for where nobody says otherwise.
  package static let standard = Recall.atLeast(0.98)
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
    case .skip: return "left out, nothing there is allowed"
    case .scan(let reason):
      return "all read\(table.codes == nil ? "" : " as codes"): \(reason.rawValue)"
    case .probe(let effort):
      let nprobe = effort.isFiltered ? "\(effort.nprobe) to \(effort.nprobeLimit)" : "\(effort.nprobe)"
      return
        "\(nprobe) of \(table.lists?.count ?? 0) lists read, \(effort.candidateCount) entries looked at again, "
        + "\(effort.rescoredCount) scored exactly"
        + "; all read where nothing\(effort.isFiltered ? ", or little that is allowed," : "") is near the query"
    }
  }

  enum Reason: String, Sendable {
    case wantedExact = "exact search"
    case small = "too few for lists"
    case fewAllowed = "few are allowed"
    case manyWanted = "so many are wanted that lists would take longer"
    case unreached = "lists do not reach this recall"
    /// Of single queries, not of a whole plan.
    case far = "what is here, or allowed, is far from the query"
  }
}

/// Chooses between scanning and probing from the size of a segment, what a filter allows, k and the recall.
struct SearchPlanner {
  let k: Int
  let recall: Recall

  /// - Parameters:
  ///   - allowedCount: slots that may be returned.
  ///   - isFiltered: whether a filter decides that, and it can be told how much of each list it allows.
  func plan(_ table: VectorTable, allowedCount: Int, isFiltered: Bool = false) -> SourcePlan {
    guard allowedCount > 0 else { return .skip }
    guard let lists = table.lists else { return .scan(.small) }
    guard case .atLeast(let share) = recall, share < 1 else { return .scan(.wantedExact) }
    guard allowedCount >= table.count / Self.gatheredShare else { return .scan(.fewAllowed) }
    // Measured on few queries, and not the user's: a third of the misses is kept in reserve.
    let measured = lists.effort(recall: 1 - (1 - share) * 0.67)
    guard Double(measured.recall) >= share else { return .scan(.unreached) }
    let selectivity = Double(allowedCount) / Double(table.count)
    let effort = effort(measured, lists, selectivity: selectivity, isFiltered: isFiltered)
    let cost = SearchCost(table)
    guard cost.probe(effort, lists, selectivity: selectivity) < cost.scan(allowedCount: allowedCount, k: k)
    else {
      return .scan(isFiltered ? .fewAllowed : .manyWanted)
    }
    return .probe(effort)
  }

  /// Of so many rows no more than one is allowed: then it is always cheaper to look at all that are.
  static let gatheredShare = 200

  private func effort(
    _ measured: MeasuredEffort, _ lists: InvertedLists, selectivity: Double, isFiltered: Bool
  ) -> ListEffort {
    let depth = Double(max(k, MeasuredEffort.k)) / Double(MeasuredEffort.k)
    // A filter at random leaves fewer neighbours in each list: those that are left lie as deep as more of them would.
    let spread = isFiltered ? 1 : min(1 / selectivity, 16)
    let nprobe = min(Double(lists.count), Double(measured.nprobe) * depth.squareRoot() * spread).rounded(.up)
    let candidates = Double(measured.candidateCount) * (depth + depth.squareRoot()) / 2
    var effort = ListEffort(
      nprobe: max(1, Int(nprobe)),
      candidateCount: min(1 << 20, max(k + 16, Int(candidates.rounded(.up)))),
      rescoredCount: k + max(6, k / 2))
    if isFiltered {
      // In the lists near a query less may be allowed than on average.
      let limit = nprobe * ListEffort.spread(density: selectivity * ListEffort.leastDensity)
      effort.nprobeLimit = min(lists.count, max(effort.nprobe, Int(limit)))
      effort.entryCount = nprobe * lists.meanEntryCount
    }
    return effort
  }
}

/// What ways of searching cost one thread, in nanoseconds: only comparisons matter. The constants are those of
/// `duet-bench codes` (see `Benchmarks/RESULTS.md`).
struct SearchCost {
  /// Bytes of a code.
  private let codeDimension: Double
  private let count: Double

  init(_ table: VectorTable) {
    codeDimension = Double(table.codes?.dimension ?? table.rows.dimension)
    count = Double(table.count)
  }

  /// Reading a code that follows the last one, one of many in rising order, and one somewhere else.
  private var nextCode: Double { codeDimension / 36 }
  private var laterCode: Double { 12 + codeDimension / 28 }
  private var anyCode: Double { 30 + codeDimension / 16 }
  /// Reading an entry of a list, one bit a number.
  private var entry: Double { 0.5 + codeDimension / 256 }

  /// From which share of allowed rows on reading all rows takes less than picking the allowed ones.
  var gatherShare: Double { nextCode / laterCode }

  /// Looking at all allowed vectors.
  func scan(allowedCount: Int, k: Int) -> Double {
    min(Double(allowedCount) * laterCode, count * nextCode) + Double(k) * 2 * anyCode
  }

  /// Looking through lists.
  func probe(_ effort: ListEffort, _ lists: InvertedLists, selectivity: Double) -> Double {
    let spread = effort.isFiltered ? ListEffort.spread(density: selectivity) : 1
    let scanned = min(Double(effort.nprobe) * spread, Double(lists.count))
    let looked =
      2 * Double(effort.nprobeLimit) + Double(effort.candidateCount) + 2 * Double(effort.rescoredCount)
    return (scanned * lists.meanEntryCount + Double(lists.count)) * entry + looked * anyCode
  }
}
