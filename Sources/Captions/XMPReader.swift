// SPDX-License-Identifier: Apache-2.0

/// The few properties of an XMP packet (ISO 16684-1) that describe the picture.
enum XMPReader {
  /// What the packet says.
  struct Texts: Sendable, Hashable {
    /// In several languages perhaps, `x-default` first.
    var descriptions: [String] = []
    var titles: [String] = []
    var subjects: [String] = []
  }

  /// Packets beyond this are not read.
  static let maximumSize = 16 << 20
  private static let maximumDepth = 64

  /// Reads a packet. A damaged one gives what stands before the damage.
  static func read(_ packet: [UInt8]) -> Texts {
    guard packet.count <= maximumSize else { return Texts() }
    var scanner = XMLScanner(CaptionText.utf8(packet))
    var reader = State()
    while let piece = scanner.next() {
      guard reader.take(piece) else { break }
    }
    return reader.texts()
  }

  /// The properties by namespace and local name.
  private enum Property: CaseIterable {
    case description, accessibleDescription, headline, title, subject

    init?(namespace: String, local: String) {
      switch (namespace, local) {
      case ("http://purl.org/dc/elements/1.1/", "description"): self = .description
      case ("http://purl.org/dc/elements/1.1/", "title"): self = .title
      case ("http://purl.org/dc/elements/1.1/", "subject"): self = .subject
      case ("http://ns.adobe.com/photoshop/1.0/", "Headline"): self = .headline
      case ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "AltTextAccessibility"),
        ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "ExtDescrAccessibility"):
        self = .accessibleDescription
      default: return nil
      }
    }
  }

  private static let usualPrefixes = [
    "dc": "http://purl.org/dc/elements/1.1/", "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
  ]

  /// Where in the packet we are, and what has been found.
  private struct State {
    private var namespaces = usualPrefixes
    private var depth = 0
    /// The property we are in, and the depth of its element.
    private var property: (kind: Property, depth: Int)?
    private var language: String?
    private var text = ""
    private var found: [(kind: Property, language: String?, text: String)] = []

    /// Takes a piece; false when it is time to stop.
    mutating func take(_ piece: XMLPiece) -> Bool {
      switch piece {
      case .text(let more):
        if property != nil, text.utf8.count < 1 << 20 { text += more }
      case .start(let name, let attributes, let isEmpty):
        declareNamespaces(attributes)
        if property == nil { takeAttributes(attributes) }
        if isEmpty { return true }
        depth += 1
        guard depth <= maximumDepth else { return false }
        if property == nil, let kind = resolve(name) { property = (kind, depth) }
        text = ""
        language = attributes.first { $0.name.elementsEqual("xml:lang".utf8) }?.value
      case .end:
        if let property {
          add(property.kind, text)
          text = ""
          language = nil
          if property.depth == depth { self.property = nil }
        }
        depth -= 1
        return depth >= 0
      }
      return found.count < 4096
    }

    /// What was found, `x-default` before other languages.
    func texts() -> Texts {
      func all(_ kinds: Set<Property>) -> [String] {
        let matching = found.filter { kinds.contains($0.kind) }
        return
          (matching.filter { $0.language == "x-default" } + matching.filter { $0.language != "x-default" })
          .map(\.text)
      }
      return Texts(
        descriptions: all([.description]) + all([.accessibleDescription]),
        titles: all([.title]) + all([.headline]), subjects: all([.subject]))
    }

    private mutating func add(_ kind: Property, _ text: String) {
      guard CaptionText.cleaned(text) != nil else { return }
      found.append((kind, language, text))
    }

    /// Simple properties may be attributes of rdf:Description.
    private mutating func takeAttributes(_ attributes: [XMLAttribute]) {
      language = nil
      for attribute in attributes {
        if let kind = resolve(attribute.name) { add(kind, attribute.value) }
      }
    }

    private mutating func declareNamespaces(_ attributes: [XMLAttribute]) {
      for attribute in attributes where attribute.name.starts(with: "xmlns:".utf8) && namespaces.count < 256 {
        namespaces[String(decoding: attribute.name.dropFirst(6), as: UTF8.self)] = attribute.value
      }
    }

    private func resolve(_ name: ArraySlice<UInt8>) -> Property? {
      guard let colon = name.firstIndex(of: UInt8(ascii: ":")),
        let namespace = namespaces[String(decoding: name[..<colon], as: UTF8.self)]
      else { return nil }
      return Property(namespace: namespace, local: String(decoding: name[(colon + 1)...], as: UTF8.self))
    }
  }
}
