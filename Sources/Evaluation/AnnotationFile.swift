// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
import SystemPackage

/// Reads the JSON files of benchmarks, and says of a bad one which entry and key is wrong.
enum AnnotationFile {
  /// COCO's list of unlabeled pictures, the largest one known, has 50 MB.
  static let sizeLimit = 1 << 30

  /// Reads a file that is one JSON value.
  ///
  /// - Parameter what: what the file should be, for messages: `CIRR's captions (cap.rc2.val.json)`.
  static func read<Value: Decodable>(
    _ type: Value.Type, from path: FilePath, as what: String
  ) throws -> Value {
    let bytes = try bytes(of: path, as: what)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw EvaluationError("\(path)\(describe(error)) (expected: \(what))")
    }
  }

  /// Reads a file with a JSON object on each line; blank lines are passed over. Lines count from 1.
  static func readLines<Value: Decodable>(
    _ type: Value.Type, from path: FilePath, as what: String
  ) throws -> [(line: Int, value: Value)] {
    let lines = try bytes(of: path, as: what)
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let decoder = JSONDecoder()
    var values: [(line: Int, value: Value)] = []
    for (index, line) in lines.enumerated()
    where !line.allSatisfy({ [0x09, 0x0D, 0x20].contains($0) }) {
      do {
        values.append((index + 1, try decoder.decode(type, from: Data(line))))
      } catch {
        throw EvaluationError("\(path): line \(index + 1)\(describe(error)) (expected: \(what))")
      }
    }
    guard !values.isEmpty else {
      throw EvaluationError("\(path): the file is empty (expected: \(what))")
    }
    return values
  }

  private static func bytes(of path: FilePath, as what: String) throws -> [UInt8] {
    do {
      return try readFile(path, limit: sizeLimit)
    } catch {
      throw EvaluationError("\(error) (expected: \(what))")
    }
  }

  /// `: [3].img_set.members: is missing`.
  private static func describe(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return ": \(error)" }
    switch error {
    case .keyNotFound(let key, let context):
      return place(context.codingPath + [key]) + ": is missing"
    case .typeMismatch(let type, let context):
      return place(context.codingPath) + ": must be \(name(of: type))"
    case .valueNotFound(let type, let context):
      return place(context.codingPath) + ": is null, and must be \(name(of: type))"
    case .dataCorrupted(let context):
      return place(context.codingPath) + ": \(context.debugDescription)"
    @unknown default:
      return ": \(error)"
    }
  }

  /// `: [3].img_set.members`, or nothing for the whole value.
  private static func place(_ keys: [any CodingKey]) -> String {
    guard !keys.isEmpty else { return "" }
    let text = keys.reduce("") { text, key in
      if let index = key.intValue { return text + "[\(index)]" }
      return text + (text.isEmpty ? "" : ".") + key.stringValue
    }
    return ": \(text)"
  }

  private static func name(of type: any Any.Type) -> String {
    switch "\(type)" {
    case "String": "a string"
    case "Int": "a whole number"
    case "Float", "Double": "a number"
    case let name where name.hasPrefix("Array"): "a list"
    case let name where name.hasPrefix("Dictionary"): "an object"
    default: "an object"
    }
  }
}
