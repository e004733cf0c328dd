import { lockedPackages } from "./locked_packages.ts";

/** Licences that ask for no more than to be named, by their SPDX ids. */
const ALLOWED: ReadonlySet<string> = new Set([
  ...["MIT", "MIT-0", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"],
  ...["Unlicense", "CC0-1.0", "BlueOak-1.0.0", "Zlib"],
]);

/** Whether an SPDX expression can be met with allowed licences alone. Parentheses are not read: not allowed. */
export function isAllowed(expression: string | null): boolean {
  if (expression === null) return false;
  return expression.split(" OR ").some((choice) =>
    choice.split(" AND ").every((id) => ALLOWED.has(id.trim()))
  );
}

/** `deno task licenses`: the licence of each locked package; exit code 1 where one is not allowed. */
async function main(): Promise<void> {
  const packages = await lockedPackages();
  const lines = packages.map(({ name, version, licence, isShipped }) => {
    const verdict = isAllowed(licence) ? "" : "  NOT ALLOWED";
    const use = isShipped ? "" : "  (tests)";
    return `${`${name}@${version}`.padEnd(40)} ${licence ?? "unknown"}${use}${verdict}\n`;
  });
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("")));
  if (packages.some(({ licence }) => !isAllowed(licence))) Deno.exit(1);
}

if (import.meta.main) await main();
