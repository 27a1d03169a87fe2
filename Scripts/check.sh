#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Soundness of the sources, without building them: format, licence lines, access levels of imports, layers, and the
# fence around unsafe pointers. (Warnings are errors in Package.swift itself.)
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
complain() { # complain MESSAGE < offending lines
  local lines
  lines=$(cat)
  [ -z "$lines" ] && return
  printf 'check: %s\n%s\n\n' "$1" "$lines" >&2
  failed=1
}

formatted() {
  swift format lint --strict --parallel --recursive --configuration .swift-format \
    Package.swift Sources Tests Benchmarks 2>&1
}

unlicensed() {
  git ls-files '*.swift' '*.c' '*.h' '*.py' '*.sh' '*.js' '*.css' '*.html' '*.service' | while read -r file; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
  done
}

# The layers of Package.swift. A target imports lower layers only; some modules have one door.
declare -A layer=(
  [Compute]=0 [CBLAS]=0 [CKernels]=0 [CImageCodecs]=0 [CBuiltinModel]=0 [CWebPage]=0
  [LinearAlgebra]=1 [Files]=1 [Images]=1 [Tokenizers]=1 [Captions]=1
  [Embedders]=2 [VectorIndexes]=2 [Catalog]=2
  [Search]=3
  [HTTPService]=4 [Evaluation]=4
  [duet]=5
)
declare -A door=(
  [CBLAS]=LinearAlgebra [CKernels]=LinearAlgebra [CImageCodecs]=Images [CBuiltinModel]=Embedders [GRDB]=Catalog
  [CWebPage]=HTTPService [Hummingbird]=HTTPService [HummingbirdCore]=HTTPService [HummingbirdTLS]=HTTPService
  [NIOCore]=HTTPService [NIOSSL]=HTTPService
)
imports() {
  local folder target file line text module
  for folder in Sources/*/; do
    target=$(basename "$folder")
    grep -rnE '^\s*(@_?[a-zA-Z(): ]+ )?(public |package |internal |fileprivate |private )?import ' "$folder" \
      --include='*.swift' | while IFS=: read -r file line text; do
      module=$(sed -E 's/.*import +((class|struct|enum|func|var|let|protocol|typealias) +)?([A-Za-z0-9_]+).*/\3/' <<<"$text")
      if [ -n "${layer[$module]:-}" ] && [ "${layer[$module]}" -ge "${layer[$target]}" ]; then
        echo "$file:$line: $target (layer ${layer[$target]}) imports $module (layer ${layer[$module]})"
      fi
      if [ -n "${door[$module]:-}" ] && [ "${door[$module]}" != "$target" ]; then
        echo "$file:$line: only ${door[$module]} may import $module"
      fi
      if [ "$module" = Foundation ] && [ "${layer[$target]}" -lt 2 ]; then
        echo "$file:$line: $target is below Catalog: FoundationEssentials at the most"
      fi
    done
  done
}

unfenced() {
  grep -rnE '\bUnsafe[A-Za-z]*(Pointer|Buffer|Reference)' Sources --include='*.swift' |
    grep -vE '^Sources/(Files|LinearAlgebra|Images|VectorIndexes)/'
}

unfinished() {
  grep -rnE 'try!|as!|fatalError\(|\bTODO\b|\bFIXME\b' Sources Benchmarks --include='*.swift' --include='*.c' --include='*.h'
}

overlong() {
  git ls-files '*.swift' '*.c' '*.h' | grep -v '^Tests/' | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -gt 450 ] && echo "$file: $lines lines"
  done
}

complain "swift format lint --strict" < <(formatted)
complain "no SPDX licence line in the first three lines" < <(unlicensed)
complain "an import goes up or sideways" < <(imports)
complain "unsafe pointers outside their fence" < <(unfenced)
complain "try!, as!, fatalError or an unfinished note in product code" < <(unfinished)
complain "file longer than 450 lines" < <(overlong)
complain "a path of one machine" < <(git grep -nE '(^|[^.a-zA-Z/])/(work|farm)/[a-z]+' -- . ':!Scripts/check.sh')

[ "$failed" -eq 0 ] && echo "check: sound" >&2
exit "$failed"
