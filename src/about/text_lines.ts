/** Width of help, in columns. */
const WIDTH = 80;

/** A text broken at its spaces into lines of at most 80 columns with the indent; a longer word stays whole. */
export function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

/** Names with their meanings beside them, all meanings in one column. */
export function described(rows: readonly (readonly [name: string, meaning: string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.flatMap(([name, meaning]) => {
    const [first = "", ...rest] = wrapped(meaning, " ".repeat(width + 2));
    return [`  ${name.padEnd(width)}${first.trimStart()}`, ...rest];
  });
}

/** Names with their meanings below them. */
export function defined(rows: readonly (readonly [name: string, meaning: string])[]): string[] {
  return rows.flatMap(([name, meaning]) => [`  ${name}`, ...wrapped(meaning, "      ")]);
}
