// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

package final class OpenFile: Sendable {
  package let size: Int
  package let modified: Int64
  package let inode: UInt64
  package init(beneath root: FilePath, _ path: FilePath) throws(FileError) {
    size = 0; modified = 0; inode = 0
  }
  package func read(at: Int, count: Int) throws(FileError) -> [UInt8] { [] }
}
