/**
 * Rows of text in columns.
 *
 * @param leftCount how many columns, from the left, stand at the left of their width; the rest are numbers
 */
export function tableLines(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  leftCount: number,
): string[] {
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  return [titles, ...rows].map((row) => {
    const cells = row.map((text, i) =>
      i < leftCount ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)
    );
    return `  ${cells.join("  ")}`.trimEnd();
  });
}
