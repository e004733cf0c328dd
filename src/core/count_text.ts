// One formatter for all: `toLocaleString` looks its own up each time, which costs ten times as much. Made at its first
// use: it takes 10 ms, which a start does without.
let withThousands: Intl.NumberFormat | null = null;

/** 1234567 → 1,234,567 */
export function thousands(count: number): string {
  withThousands ??= new Intl.NumberFormat("en-US");
  return withThousands.format(count);
}

/** How many of something: 1 file, 1,234 files. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${thousands(count)} ${count === 1 ? one : many}`;
}
