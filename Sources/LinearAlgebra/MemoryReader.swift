// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute
import Glibc
import Synchronization

/// Reads memory as fast as this machine can: the yardstick of every scan, see `Benchmarks/`.
package final class MemoryReader: @unchecked Sendable {  // Sendable: nobody writes the memory once it exists
  private static let pieceSize = 4 << 20

  private let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Memory of its own of about `byteCount` bytes, in huge pages where the system gives them.
  package init(byteCount: Int) {
    let hugePage = 2 << 20
    self.byteCount = max(1, byteCount / hugePage) * hugePage
    base = .allocate(byteCount: self.byteCount, alignment: hugePage)
    madvise(base, self.byteCount, Int32(MADV_HUGEPAGE))
    memset(base, 1, self.byteCount)
  }

  deinit { base.deallocate() }

  /// Reads all of it once, on all threads of the pool, asking for what lies `ahead` bytes further on.
  @discardableResult
  package func read(ahead: Int) -> UInt32 {
    Self.sum(UnsafeRawBufferPointer(start: base, count: byteCount), ahead: ahead)
  }

  /// Reads `bytes` once, as far as they are whole blocks of 512, and returns their sum as 32-bit numbers.
  @discardableResult
  package static func read(_ bytes: RawSpan, ahead: Int) -> UInt32 {
    bytes.withUnsafeBytes { sum($0, ahead: ahead) }
  }

  private static func sum(_ bytes: UnsafeRawBufferPointer, ahead: Int) -> UInt32 {
    guard let start = bytes.baseAddress else { return 0 }
    let source = SharedBytes(base: start)
    let size = bytes.count / 512 * 512
    let total = Atomic<UInt32>(0)
    ComputePool.shared.forEach((size + pieceSize - 1) / pieceSize) { index in
      let first = index * pieceSize
      total.wrappingAdd(
        duet_memory_sum(source.base + first, min(pieceSize, size - first), ahead), ordering: .relaxed)
    }
    return total.load(ordering: .relaxed)
  }
}
