// SPDX-License-Identifier: Apache-2.0

/// What a key lets its holder do; each scope holds those before it.
package enum KeyScope: String, Sendable, CaseIterable, Codable, Comparable {
  /// Search, look at pictures, embed.
  case read
  /// Start and stop indexing, too.
  case index
  /// Everything that there may ever be.
  case admin

  private var rank: Int { KeyScope.allCases.firstIndex(of: self) ?? 0 }

  package static func < (a: KeyScope, b: KeyScope) -> Bool {
    a.rank < b.rank
  }
}
