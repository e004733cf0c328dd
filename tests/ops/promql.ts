/** Words of PromQL that are not metric names where no parenthesis follows them. */
const OPERATORS = new Set([
  "and",
  "or",
  "unless",
  "bool",
  "offset",
  "on",
  "ignoring",
  "by",
  "without",
]);

/** What a PromQL expression asks for. */
export interface PromqlNames {
  /** Names of the series. */
  readonly series: readonly string[];
  /** Names of labels: in matchers, and in by, without, on, ignoring. */
  readonly labels: readonly string[];
}

/** Reads the names out of a PromQL expression; no judge of its syntax, which promtool is. */
export function promqlNames(expression: string): PromqlNames {
  const labels: string[] = [];
  const bare = expression
    // Texts first: they may hold anything.
    .replaceAll(/"(?:\\.|[^"\\])*"/g, '""')
    .replaceAll(/\{([^}]*)\}/g, (_whole, matchers: string) => {
      labels.push(
        ...[...matchers.matchAll(/([a-z_]\w*)\s*(?:=~|!~|!=|=)/gi)].map(([, label]) => label ?? ""),
      );
      return " ";
    })
    .replaceAll(/\[[^\]]*\]/g, " ")
    .replaceAll(
      /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
      (_whole, _word, list: string) => {
        labels.push(
          ...list.split(",").map((label) => label.trim()).filter((label) => label !== ""),
        );
        return " ";
      },
    );
  // A name that a parenthesis follows is a function; one after a digit is a unit.
  const names = [...bare.matchAll(/(?<![\w:.])[a-z_:][\w:]*(?![\w:])(?!\s*\()/gi)].map(([name]) =>
    name
  );
  return {
    series: [...new Set(names.filter((name) => !OPERATORS.has(name)))],
    labels: [...new Set(labels)],
  };
}
