// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Search

@Suite struct ProjectionLengthsTests {
  @Test func `a run that goes on where another one stopped adds to what that one saw`() async throws {
    let (whole, resumed) = (try PictureFolder(), try PictureFolder())
    for index in 0..<12 {
      for folder in [whole, resumed] {
        try folder.paint("\(index / 6)/\(index).png", UInt8(index * 20), 80, 7)
      }
    }
    try await whole.index()
    // The second part is all that the last run sees; and a run that sees nothing forgets nothing.
    try await resumed.index(["0"])
    let first = try #require(try resumed.snapshot().imageNorm)
    try await resumed.index(["1"])
    try await resumed.index([])
    let (right, norm) = (
      try #require(try whole.snapshot().imageNorm), try #require(try resumed.snapshot().imageNorm)
    )
    #expect(abs(norm - right) < 1e-5 * right)
    #expect(abs(first - right) > 1e-3 * right)
  }
}
