// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Search

@Suite("Terms and inline weights")
struct QueryTermTests {
  @Test(
    "A number before the first colon is a weight",
    arguments: [
      ("at night", nil, "at night"),
      ("0.5:at night", 0.5, "at night"),
      ("2:rex.jpg", 2, "rex.jpg"),
      (".5:x", 0.5, "x"),
      ("1.:x", 1, "x"),
      ("+3:x", 3, "x"),
      ("1e-2:x", 0.01, "x"),
      ("-1:x", -1, "x"),
      ("2:", 2, ""),
      // Not numbers: words.
      ("nan:x", nil, "nan:x"),
      ("inf:x", nil, "inf:x"),
      ("0x10:x", nil, "0x10:x"),
      ("1e:x", nil, "1e:x"),
      (".:x", nil, ".:x"),
      (":x", nil, ":x"),
      ("a:b", nil, "a:b"),
      ("2 :x", nil, "2 :x"),
      ("٣:x", nil, "٣:x"),
      // Escapes.
      (#"16\:9 poster"#, nil, "16:9 poster"),
      (#"0.5:16\:9 poster"#, 0.5, "16:9 poster"),
      ("0.5:16:9 poster", 0.5, "16:9 poster"),
      (#"a\b"#, nil, #"a\b"#),
    ] as [(String, Float?, String)])
  func grammar(argument: String, weight: Float?, value: String) {
    let parsed = WeightedArgument(parsing: argument)
    #expect(parsed.weight == weight)
    #expect(parsed.value == value)
  }

  @Test("Weights default by role, and avoid turns the sign")
  func defaults() throws {
    #expect(try Term.text("cat").weight == 1)
    #expect(try Term.text("cat", role: .avoid).weight == 0.5)
    #expect(try Term.text("cat", role: .avoid).signedWeight == -0.5)
    #expect(try Term.text("2:cat", role: .avoid).signedWeight == -2)
    #expect(try Term.item("3:17").weight == 3)
    let named = try Term.imageFile("2:a/rex.jpg", option: "--image")
    #expect(named.label == "--image 2:a/rex.jpg")
  }

  @Test(
    "What makes no sense is refused, by name and with advice",
    arguments: [
      ("0:cat", "weight 0"), ("-2:cat", "avoid term"), ("1e999:cat", "not a number"), ("1001:cat", "above"),
      ("", "empty"), ("  \n", "empty"), ("2: ", "empty"),
      (String(repeating: "x", count: Term.Limits.textBytes + 1), "at most"),
    ])
  func refused(argument: String, part: String) {
    let error = #expect(throws: SearchError.self) { try Term.text(argument, option: "--text") }
    #expect(error?.code == .invalidRequest)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.message.hasPrefix("--text") == true)
  }

  @Test(
    "A weight that is no number is refused too, and so are empty vectors, pictures, names and item numbers")
  func refusedContent() {
    #expect(throws: SearchError.self) { try Term(.text("x"), weight: .nan) }
    #expect(throws: SearchError.self) { try Term(.vector([])) }
    #expect(throws: SearchError.self) { try Term(.vector([1, .infinity])) }
    #expect(throws: SearchError.self) { try Term(.imageBytes([])) }
    #expect(throws: SearchError.self) { try Term.imageFile("2:") }
    #expect(throws: SearchError.self) { try Term.item("rex.jpg") }
    #expect(throws: SearchError.self) { try Term.item("0") }
  }
}
