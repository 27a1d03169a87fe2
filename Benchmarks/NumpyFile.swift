// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import SystemPackage

/// A two-dimensional array in NumPy's `.npy` format, version 1 or 2, little-endian, in C order, mapped.
struct NumpyFile {
  let rows: Int
  let columns: Int
  private let file: MappedFile
  private let start: Int

  /// - Parameter type: NumPy's name of the element: `<f4` or `<i4`.
  init(_ path: FilePath, type: String) throws {
    file = try MappedFile(path)
    func malformed(_ what: String) -> ValidationError { ValidationError("\(path): \(what)") }
    let head = file.withBytes { bytes in
      (0..<min(bytes.byteCount, 4096)).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    guard head.count > 12, head.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw malformed("no .npy file")
    }
    let isLong = head[6] > 1
    let length = Int(head[8]) | Int(head[9]) << 8 | (isLong ? Int(head[10]) << 16 | Int(head[11]) << 24 : 0)
    start = (isLong ? 12 : 10) + length
    guard start <= head.count else { throw malformed("its header is too long") }
    let header = String(decoding: head[..<start], as: UTF8.self)
    guard header.contains("'descr': '\(type)'"), header.contains("'fortran_order': False"),
      let shape = header.split(separator: "(").last?.split(separator: ")").first
    else { throw malformed("not an array of \(type) in C order") }
    let sizes = shape.split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }
    guard sizes.count == 2, sizes.allSatisfy({ $0 > 0 }), start + sizes[0] * sizes[1] * 4 <= file.size else {
      throw malformed("not a two-dimensional array, or cut short")
    }
    (rows, columns) = (sizes[0], sizes[1])
  }

  /// Row `index`; the element is the type that the file was opened with.
  func row<Element: BitwiseCopyable>(_ index: Int, as type: Element.Type) -> [Element] {
    file.withBytes { bytes in
      (0..<columns).map {
        bytes.unsafeLoadUnaligned(fromByteOffset: start + (index * columns + $0) * 4, as: type)
      }
    }
  }
}
