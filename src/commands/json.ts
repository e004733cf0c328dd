/** A value as indented JSON with a final newline; bigints as numbers' digits in text. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, inner) => typeof inner === "bigint" ? String(inner) : inner,
    2,
  );
  return `${text}\n`;
}
