// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The thread count of whatever BLAS is loaded.
///
/// Duet splits matrix products over ``ComputePool`` itself, in pieces that do not depend on the number of threads, so
/// BLAS always runs on the calling thread: one owner of threads, and the same bits on any machine size.
package enum BLASThreads {
  /// Tells the loaded BLAS to stay on the calling thread. Plain reference BLAS has no threads and nothing to tell.
  package static func pinToCaller() {
    for name in ["openblas_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads"] {
      guard let symbol = dlsym(nil, name) else { continue }
      if name.hasPrefix("bli") {
        unsafeBitCast(symbol, to: (@convention(c) (Int) -> Void).self)(1)
      } else {
        unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Void).self)(1)
      }
    }
  }
}
