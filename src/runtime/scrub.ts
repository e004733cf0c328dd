/** What stands in texts around a credential, and the credential: in URLs, HTTP headers, settings and JSON. */
const CREDENTIALS: readonly RegExp[] = [
  /(\w+:\/\/)[^\s/]*(?=@)/g,
  /(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{4,}/gi,
  /((?:password|passwd|pwd|secret|token|api[_-]?key)\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)/gi,
  /((?:password|passwd|pwd|secret|token|api[_-]?key)["']?\s*:\s*)(?:"[^"]*"|'[^']*')/gi,
];

/** Takes credentials out of a text, for messages of libraries. */
export function scrub(text: string): string {
  return CREDENTIALS.reduce((scrubbed, pattern) => scrubbed.replaceAll(pattern, "$1…"), text);
}
