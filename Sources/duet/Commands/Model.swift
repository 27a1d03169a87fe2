// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Embedders
import Search

/// `duet model`: the models that are here.
struct Model: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Show the models that are here.", subcommands: [List.self])
  }

  /// `duet model list`.
  struct List: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "List the built-in model and those in the local Hugging Face cache.",
        discussion: Help.examples("duet model list", after: PhotographAdvice.howToGetAModel))
    }

    @Flag(help: "Print JSON, one object per model.")
    var json = false

    func run() throws {
      let models = ModelLocator().list()
      if json {
        for model in models { print(model.json.text) }
        return
      }
      let header = ["NAME", "KIND", "DIMENSION", "SIZE", "STATE"]
      print(Columns(rows: [header] + models.map(\.row)).text)
    }
  }
}

extension ModelLocator.Listing {
  fileprivate var isBuiltin: Bool { source == .builtin }

  fileprivate var row: [String] {
    let state = problem ?? (isBuiltin ? "usable, built in: pictograms only" : "usable")
    return [name, kind, dimension.map { String($0) } ?? "-", size.asFileSize, state]
  }

  fileprivate var json: JSONText {
    [
      "name": .string(name), "path": isBuiltin ? .null : .string(source.description), "kind": .string(kind),
      "dimension": dimension.map { .int($0) } ?? .null, "bytes": .int(size), "builtin": .bool(isBuiltin),
      "usable": .bool(problem == nil), "problem": .optional(problem),
    ]
  }
}
