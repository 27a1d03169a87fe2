// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Synchronization

/// The memory that the bodies of all requests in flight may take together.
///
/// Only bytes that have arrived are counted: a caller who announces much and sends little takes nothing from the others.
final class BodyBudget: Sendable {
  private let bytes: Int
  /// How long a body may take before its length is counted.
  let patience: Duration
  private let taken = Mutex(0)

  init(bytes: Int = Limits.bodiesBytes, patience: Duration = .seconds(Limits.bodySeconds)) {
    self.bytes = bytes
    self.patience = patience
  }

  /// Bytes that requests hold right now.
  var heldBytes: Int { taken.withLock { $0 } }

  /// The share of a request whose body may have `limit` bytes.
  func share(limit: Int) -> BodyShare { BodyShare(of: self, limit: limit) }

  fileprivate func take(_ count: Int) -> Bool {
    taken.withLock { taken in
      guard count <= bytes - taken else { return false }
      taken += count
      return true
    }
  }

  fileprivate func giveBack(_ count: Int) { taken.withLock { $0 -= count } }
}

/// What the body of one request may take, and has taken, of a ``BodyBudget``.
final class BodyShare: Sendable {
  /// Of a request that may have no body.
  static let none = BodyBudget(bytes: 0).share(limit: 0)

  /// Bytes that the body may have.
  let limit: Int
  private let budget: BodyBudget
  private let taken = Mutex(0)

  fileprivate init(of budget: BodyBudget, limit: Int) {
    self.budget = budget
    self.limit = limit
  }

  /// How long a body of so many bytes may take to arrive: a caller who trickles must not keep what has come for ever.
  func patience(forBytes count: Int) -> Duration {
    budget.patience + .seconds(count / Limits.slowestBytesPerSecond)
  }

  /// Counts bytes that have arrived.
  ///
  /// - Throws: ``Problem``: 413 when the body is longer than it may be, 503 when all bodies together are.
  func take(_ count: Int) throws {
    let isWithinLimit = taken.withLock { taken in
      guard count <= limit - taken else { return false }
      taken += count
      return true
    }
    guard isWithinLimit else {
      throw Problem(.contentTooLarge, "a body has at most \(limit) bytes here")
    }
    guard budget.take(count) else {
      taken.withLock { $0 -= count }
      var problem = Problem(
        .serviceUnavailable, "the bodies of other requests fill the memory meant for them: ask again later",
        retryAfter: 1)
      // The rest of this one is not waited for.
      problem.headers[.connection] = "close"
      throw problem
    }
  }

  /// Gives back all that was taken: the request is over.
  func end() {
    budget.giveBack(
      taken.withLock { taken in
        defer { taken = 0 }
        return taken
      })
  }
}
