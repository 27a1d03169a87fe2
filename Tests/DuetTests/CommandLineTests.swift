// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite struct `The command line` {
  static let helps: [(arguments: [String], file: String)] = [
    (["--help"], "duet.txt"), (["-h"], "duet-short.txt"), (["index", "--help"], "index.txt"),
    (["index", "-h"], "index-short.txt"), (["info", "--help"], "info.txt"),
    (["verify", "--help"], "verify.txt"),
    (["model", "list", "--help"], "model-list.txt"), (["roots", "--help"], "roots.txt"),
    (["roots", "remove", "--help"], "roots-remove.txt"), (["roots", "list", "--help"], "roots-list.txt"),
    (["search", "--help"], "search.txt"), (["search", "-h"], "search-short.txt"),
    (["embed", "--help"], "embed.txt"), (["model", "--help"], "model.txt"),
    (["eval", "--help"], "eval.txt"), (["eval", "library", "--help"], "eval-library.txt"),
    (["eval", "cirr", "--help"], "eval-cirr.txt"), (["eval", "circo", "--help"], "eval-circo.txt"),
    (["eval", "fashioniq", "--help"], "eval-fashioniq.txt"),
    (["eval", "bge-vl", "--help"], "eval-bge-vl.txt"),
    (["serve", "--help"], "serve.txt"), (["serve", "run", "--help"], "serve-run.txt"),
    (["serve", "key", "--help"], "serve-key.txt"),
    (["serve", "key", "create", "--help"], "serve-key-create.txt"),
    (["serve", "key", "list", "--help"], "serve-key-list.txt"),
    (["serve", "key", "revoke", "--help"], "serve-key-revoke.txt"),
  ]

  /// With DUET_WRITE_HELP set the files are written instead: look at them before committing.
  @Test(arguments: helps.indices)
  func `help is what the committed file says`(_ index: Int) async throws {
    let (arguments, file) = Self.helps[index]
    let run = try await DuetProgram().run(arguments)
    #expect(run.status == 0)
    #expect(run.err.isEmpty)
    let fixture = Fixture.url("Help/\(file)")
    if ProcessInfo.processInfo.environment["DUET_WRITE_HELP"] != nil {
      try Data(run.output).write(to: fixture)
    }
    #expect(run.out == String(decoding: try Fixture.bytes("Help/\(file)"), as: UTF8.self))
  }

  @Test func `--version names program, formats, CPU level and BLAS`() async throws {
    var duet = try DuetProgram()
    duet.environment["DUET_CPU"] = "scalar"
    duet.environment["DUET_THREADS"] = "3"
    let run = try await duet("--version")
    #expect(run.status == 0)
    #expect(run.lines.count == 4)
    #expect(run.lines.first?.hasPrefix("duet ") == true)
    #expect(run.lines[1] == "index format 3, catalog version 1")
    #expect(run.lines[2] == "CPU scalar, 3 threads")
    #expect(run.lines[3].hasPrefix("BLAS "))
  }

  @Test(arguments: [
    ["frobnicate"], ["index", "--frob"], ["index", "--quiet", "--verbose"], ["index", "--new"],
    ["roots", "remove"],
    ["index", "/no/such/folder"], ["index", ".", "--model", "no/such"], ["info"], ["verify"],
    ["roots", "list"],
    ["index"], ["verify", "--index", "/no/such/folder"],
  ])
  func `an error is one "duet:" message on standard error, status 2`(_ arguments: [String]) async throws {
    let run = try await DuetProgram().run(arguments)
    #expect(run.status == 2)
    #expect(run.err.hasPrefix("duet: "))
    #expect(!run.err.contains("Error:"))
    if arguments != ["info"] { #expect(run.out.isEmpty) }
  }

  @Test func `nothing is written for terminals when there is none`() async throws {
    let pictures = try PictureFolder.ofFive()
    var duet = try DuetProgram(in: pictures.path)
    duet.environment["TERM"] = "xterm-256color"
    let commands = [["index", "."], ["info"], ["verify"], ["roots", "list"], ["model", "list"]]
    for command in commands {
      let run = try await duet.run(command)
      #expect(!run.output.contains(0x1B) && !run.diagnostics.contains(0x1B))
      #expect(!run.output.contains(UInt8(ascii: "\r")) && !run.diagnostics.contains(UInt8(ascii: "\r")))
    }
  }

  @Test func `file names cannot write to the terminal`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.directory.write([], to: "evil\u{1B}[2J\u{07}.png")
    let run = try await DuetProgram(in: pictures.path)("index", ".")
    #expect(run.err.contains("evil\\x1B[2J\\x07.png"))
    #expect(!run.diagnostics.contains(0x1B))
  }

  @Test(arguments: [
    (["serach", "cat"], "'duet serach' is no command. Did you mean 'search'?"),
    (["help", "serch"], "Did you mean 'search'?"), (["model", "lst"], "Did you mean 'list'?"),
    (["frobnicate"], "The commands are index, search,"),
    (["search", "--imag", "x"], "Did you mean '--image'?"),
  ])
  func `a misspelt word is named, with the one that may be meant`(_ arguments: [String], _ advice: String)
    async throws
  {
    let run = try await DuetProgram().run(arguments)
    #expect(run.status == 2 && run.err.contains(advice) && run.output.isEmpty)
  }

  @Test(arguments: [
    ("DUET_THREADS", "many"), ("DUET_THREADS", "0"), ("DUET_CPU", "avx1024"), ("DUET_GEMM", "mine"),
  ])
  func `a variable that would be ignored is refused`(name: String, value: String) async throws {
    var duet = try DuetProgram()
    duet.environment = [name: value]
    let run = try await duet("model", "list")
    #expect(run.status == 2)
    #expect(run.err.hasPrefix("duet: \(name)=\(value): "))
    for help in [["--help"], ["help", "index"], ["model", "list", "-h"], ["--version"]] {
      #expect(try await duet.run(help).status == 0, "\(help)")
    }
    duet.environment = [name: ""]
    #expect(try await duet("model", "list").status == 0)
  }

  @Test func `half an answer is no success`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".", "--model", "builtin")
    var shell = duet
    shell.prefix = ["/bin/sh", "-c"]
    for (redirection, expected) in [(">/dev/full", Int32(2)), (">&-", 2), ("| head -n 1 >/dev/null", 0)] {
      for command in ["search x --cut off", "info", "--version", "embed --text x --json"] {
        shell.prefix = ["/bin/sh", "-c", "\"$0\" \(command) \(redirection)"]
        let run = try await shell()
        #expect(run.status == expected, "\(command) \(redirection)")
        #expect(run.err.contains("standard output cannot be written") == (expected == 2))
      }
    }
    #expect(try await duet("verify").status == 0)
  }

  @Test func `a path that is not UTF-8 is refused with advice`() async throws {
    var shell = try DuetProgram()
    for command in ["index \"$(printf 'd\\377')\"", "search --image \"$(printf 'd\\377.png')\""] {
      shell.prefix = ["/bin/sh", "-c", "mkdir -p \"$(printf 'd\\377')\"; \"$0\" \(command)"]
      let run = try await shell()
      #expect(run.status == 2 && run.err.contains("not UTF-8: rename"), "\(command)")
    }
    shell.prefix = ["/bin/sh", "-c", "cd \"$(printf 'd\\377')\" && \"$0\" index ."]
    let run = try await shell()
    #expect(run.status == 2 && run.err.contains("not UTF-8: rename the folder"))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `completions know commands, options and that pictures are files`(_ name: String) async throws {
    let run = try await DuetProgram()("--generate-completion-script", name)
    #expect(run.status == 0 && run.err.isEmpty)
    for word in ["search", "exclude-image", "relevance"] { #expect(run.out.contains(word)) }
  }
}
