// SPDX-License-Identifier: Apache-2.0

/// A table for people, which a Markdown file can hold as it is: the first column to the left, numbers to the right.
struct MarkdownTable {
  let header: [String]
  let rows: [[String]]
  /// So many columns hold words.
  var wordColumns = 1

  /// Aligned lines; a column that is empty in every row is left out.
  var text: String {
    let (header, rows) = (header.map(\.onOneLine), rows.map { $0.map(\.onOneLine) })
    let columns = header.indices.filter { column in rows.contains { !$0[column].isEmpty } }
    let widths = columns.map { column in
      max(3, ([header] + rows).map { $0[column].displayWidth }.max() ?? 0)
    }
    func line(_ cells: [String]) -> String {
      let padded = zip(columns, widths).map { column, width in
        let cell = cells[column]
        let blanks = String(repeating: " ", count: max(0, width - cell.displayWidth))
        return column < wordColumns ? cell + blanks : blanks + cell
      }
      return "| " + padded.joined(separator: " | ") + " |"
    }
    let rule = zip(columns, widths).map { column, width in
      column < wordColumns
        ? String(repeating: "-", count: width) : String(repeating: "-", count: width - 1) + ":"
    }
    return ([line(header), "| " + rule.joined(separator: " | ") + " |"] + rows.map(line)).joined(
      separator: "\n")
  }
}
