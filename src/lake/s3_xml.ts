const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};

/**
 * The texts of all elements of a name, wherever they stand: enough for the answers of S3, whose elements of one name do
 * not lie in each other.
 */
export function elementsOf(xml: string, name: string): string[] {
  const element = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g");
  return Array.from(xml.matchAll(element), ([, text = ""]) => text);
}

/** The text of the first element of a name, unescaped; null where there is none. */
export function textOf(xml: string, name: string): string | null {
  const [found] = elementsOf(xml, name);
  return found === undefined ? null : unescapeXml(found);
}

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (all, decimal, hex, word) => {
    if (word !== undefined) return ENTITIES[word] ?? all;
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : Number(decimal));
  });
}

/** A text as it stands inside of an element. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
