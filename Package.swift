// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import Foundation
import PackageDescription

/// Whether a static library is installed (Debian's -dev packages bring them).
func hasArchive(_ name: String) -> Bool {
  ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"].contains {
    FileManager.default.fileExists(atPath: "\($0)/lib\(name).a")
  }
}

/// A codec is linked statically where its archive is installed, so that the program runs on machines without it;
/// elsewhere as a shared library.
func codec(_ name: String) -> LinkerSetting {
  .linkedLibrary(hasArchive(name) ? ":lib\(name).a" : name)
}

/// From 1.3 on libwebp's encoder has a part in an archive of its own.
let webp = hasArchive("webp") && hasArchive("sharpyuv") ? ["webp", "sharpyuv"] : ["webp"]

// Layers, bottom up; a target may import any target of a lower layer, siblings never import each other
// (checked by Scripts/check.sh).

/// Layer 0: threads, and everything that is C.
let layer0: [Target] = [
  .target(name: "Compute"),
  .systemLibrary(name: "CBLAS", providers: [.apt(["libblas-dev", "liblapack-dev"])]),
  // -O2 in debug builds too: tests run the kernels, and a scalar loop at -O0 is 20 times slower.
  .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
  .target(
    name: "CImageCodecs",
    cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))],
    linkerSettings: (["png16", "jpeg"] + webp + ["z"]).map(codec)),
  .target(
    name: "CBuiltinModel",
    exclude: [
      "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json",
    ]),
  .target(
    name: "CWebPage",
    exclude: [
      "api.js", "app.js", "balance.js", "chips.js", "dom.js", "explain.js", "filters.js",
      "icon.svg", "index.html", "language.js", "libraries.js", "lightbox.js", "openapi.json",
      "query.js", "results.js", "searching.js", "states.js", "style.css", "uploads.js",
      "words.js",
    ]),
]

/// Layer 1: one concern of the outside world each.
let layer1: [Target] = [
  .target(name: "LinearAlgebra", dependencies: ["Compute", "CKernels", "CBLAS"]),
  .target(
    name: "Files", dependencies: ["Compute", .product(name: "SystemPackage", package: "swift-system")]),
  .target(name: "Images", dependencies: ["CImageCodecs", "Compute"]),
  .target(name: "Tokenizers"),
  .target(name: "Captions"),
]

/// Layer 2: what a search engine is made of.
let layer2: [Target] = [
  .target(
    name: "Embedders",
    dependencies: [
      "CBuiltinModel", "Compute", "LinearAlgebra", "Files", "Images", "Tokenizers",
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .target(
    name: "VectorIndexes",
    dependencies: [
      "Compute", "LinearAlgebra", "Files",
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .target(
    name: "Catalog",
    dependencies: [
      .product(name: "GRDB", package: "GRDB.swift"),
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
]

/// Layer 3: the engine. Layer 4: the engine behind HTTP, and how good its answers are. Layer 5: the command line and the
/// benchmarks.
let layers3to5: [Target] = [
  .target(
    name: "Search",
    dependencies: [
      "Compute", "Files", "Images", "Captions", "LinearAlgebra", "Embedders", "VectorIndexes", "Catalog",
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .target(
    name: "Evaluation",
    dependencies: [
      "Compute", "Files", "Images", "LinearAlgebra", "Embedders", "VectorIndexes", "Catalog", "Search",
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .target(
    name: "HTTPService",
    dependencies: [
      "CWebPage", "Compute", "Files", "Images", "LinearAlgebra", "Embedders", "VectorIndexes", "Catalog",
      "Search",
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "HummingbirdCore", package: "hummingbird"),
      .product(name: "HummingbirdTLS", package: "hummingbird"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOFoundationEssentialsCompat", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "Metrics", package: "swift-metrics"),
      .product(name: "CoreMetrics", package: "swift-metrics"),
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .executableTarget(
    name: "duet",
    dependencies: [
      "Compute", "Files", "Images", "LinearAlgebra", "Embedders", "VectorIndexes", "Catalog", "Search",
      "Evaluation", "HTTPService",
      .product(name: "Logging", package: "swift-log"),
      .product(name: "Histogram", package: "hdrhistogram-swift"),
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
      .product(name: "SystemPackage", package: "swift-system"),
    ]),
  .executableTarget(
    name: "duet-bench",
    dependencies: [
      "Compute", "Files", "Images", "LinearAlgebra", "Embedders", "VectorIndexes",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
      .product(name: "SystemPackage", package: "swift-system"),
    ],
    path: "Benchmarks",
    exclude: ["RESULTS.md", "ann_curves.py", "decide.py", "index_photos.py", "peers"]),
]

/// A test target per source target, named after it.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: [.byName(name: name), "TestSupport"] + dependencies)
}

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let testTargets: [Target] = [
  .target(name: "TestSupport", dependencies: [system], path: "Tests/TestSupport"),
  tests("Compute"),
  tests("LinearAlgebra", ["CKernels", "Compute"]),
  tests("Files", [system]),
  tests("Images", ["CImageCodecs"]),
  tests("Tokenizers"),
  tests("Captions"),
  tests("Embedders", ["LinearAlgebra", "Files", "Images", "Tokenizers", system]),
  tests("VectorIndexes", ["LinearAlgebra", "Files", system]),
  tests("Catalog", [.product(name: "GRDB", package: "GRDB.swift"), system]),
  tests("Search", ["Catalog", "Embedders", "Files", "Images", "VectorIndexes", system]),
  tests(
    "Evaluation", ["Catalog", "Compute", "Embedders", "Files", "Images", "Search", "VectorIndexes", system]),
  tests(
    "HTTPService",
    [
      "Catalog", "Compute", "Embedders", "Files", "Images", "Search", system,
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "HummingbirdCore", package: "hummingbird"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOEmbedded", package: "swift-nio"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "Metrics", package: "swift-metrics"),
      .product(name: "CoreMetrics", package: "swift-metrics"),
    ]),
  .testTarget(name: "DuetTests", dependencies: ["TestSupport", "duet", "Files", system]),
]

let package = Package(
  name: "duet",
  products: [.executable(name: "duet", targets: ["duet"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.12.3"..<"5.0.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: layer0 + layer1 + layer2 + layers3to5 + testTargets,
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)

for target in package.targets where target.type != .system {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
  ]
}
