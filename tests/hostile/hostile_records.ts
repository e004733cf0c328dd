import type { RawRecord, RecordHeader } from "../../src/core/record.ts";
import type { Random } from "../../src/simulation/random.ts";
import { HOSTILE_CORPUS } from "./corpus.ts";
import {
  ACTIONS,
  AMOUNTS,
  ANYTHING,
  deep,
  IDS,
  INTEGERS,
  longText,
  NAMES,
  TIMES,
} from "./hostile_values.ts";

/**
 * Values of records as somebody with bad intent, or a bad producer, would write them. The same random
 * numbers give the same value. About half of them are valid events.
 */
export function hostileValue(random: Random): Uint8Array | null {
  const kind = random();
  if (kind < 0.02) return pick(SMALL_CORPUS, random).value;
  if (kind < 0.04) return noise(random);
  const bytes = encoder.encode(hostileText(random));
  return kind < 0.2 ? mutated(bytes, random) : bytes;
}

/** A record around such a value, with a key and headers of any bytes. */
export function hostileRecord(random: Random, offset: bigint): RawRecord {
  const value = hostileValue(random);
  const key = random() < 0.5 ? null : noise(random);
  const headers = random() < 0.9 ? [] : hostileHeaders(random);
  return { offset, timestampMs: 1_795_000_000_000, key, value, headers };
}

/** One to three changes of bytes at any place: flipped, left out, doubled, put in, cut off. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = bytes;
  const changes = 1 + below(3, random);
  for (let i = 0; i < changes; i++) changed = mutatedOnce(changed, random);
  return changed;
}

const encoder = new TextEncoder();
const SMALL_CORPUS = HOSTILE_CORPUS.filter(({ value }) => value === null || value.length < 300_000);

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

function pick<T>(values: readonly T[], random: Random): T {
  const value = values[below(values.length, random)];
  if (value === undefined) throw new RangeError("there is nothing to choose from");
  return value;
}

function noise(random: Random): Uint8Array {
  return Uint8Array.from({ length: below(24, random) }, () => below(256, random));
}

type Make = (random: Random) => string;
type Member = readonly [name: string, value: string];

/** The fields of the schema, how often each is there, and what is put into it. */
const FIELDS: readonly (readonly [name: string, share: number, make: Make])[] = [
  ["event_id", 0.995, eventId],
  ["ts", 0.995, time],
  ["usuario_id", 0.995, usuarioId],
  ["accion", 0.7, accion],
  ["monto", 0.7, monto],
];

function hostileText(random: Random): string {
  const members = FIELDS.flatMap(([name, share, make]): Member[] => {
    const first: Member[] = random() < share ? [[`"${name}"`, make(random)]] : [];
    return random() < 0.01 ? [...first, [`"${name}"`, make(random)]] : first;
  });
  while (random() < 0.3) members.push([pick(NAMES, random), anything(random)]);
  if (random() < 0.3) members.sort(() => random() - 0.5);
  const space = () => random() < 0.03 ? pick([" ", "\n", "\t", "\r\n  "], random) : "";
  const written = members.map(([name, value]) => `${space()}${name}${space()}:${space()}${value}`);
  return `${space()}{${written.join(`${space()},`)}${space()}}${space()}`;
}

function usual(random: Random): boolean {
  return random() < 0.93;
}

function eventId(random: Random): string {
  if (!usual(random)) return pick(IDS, random);
  return `"e${below(random() < 0.1 ? 100 : 1_000_000_000, random)}"`;
}

function time(random: Random): string {
  if (!usual(random)) return pick(TIMES, random);
  const spread = random() < 0.003 ? 700_000 : 3;
  const date = new Date(Date.UTC(2026, 10, 24) - below(spread, random) * 86_400_000);
  return `"${date.toISOString().slice(0, 11)}${pick(["10:15:00Z", "00:00:00.000001Z"], random)}"`;
}

function usuarioId(random: Random): string {
  return usual(random) ? String(below(1_000, random)) : pick(INTEGERS, random);
}

function accion(random: Random): string {
  return usual(random) ? pick(['"click"', '"view"', '"purchase"'], random) : pick(ACTIONS, random);
}

function monto(random: Random): string {
  if (!usual(random)) return pick(AMOUNTS, random);
  return random() < 0.5 ? "null" : (random() * 500).toFixed(2);
}

function anything(random: Random): string {
  if (random() < 0.0005) return pick([deep(5_000), deep(100_000), longText(300_000)], random);
  return pick(ANYTHING, random);
}

function hostileHeaders(random: Random): RecordHeader[] {
  const names = ["", "trace", "__proto__", "constructor", "\0\u0001\ufffd", "../x", "ключ", "a\nb"];
  return Array.from({ length: 1 + below(3, random) }, () => ({
    name: pick(names, random),
    value: random() < 0.2 ? null : noise(random),
  }));
}

function mutatedOnce(bytes: Uint8Array, random: Random): Uint8Array {
  const at = below(bytes.length + 1, random);
  const before = bytes.subarray(0, at), after = bytes.subarray(at);
  const joined = (...parts: readonly Uint8Array[]) =>
    Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (below(5, random)) {
    case 0:
      return joined(before, Uint8Array.of(below(256, random)), after.subarray(1));
    case 1:
      return joined(before, after.subarray(1 + below(4, random)));
    case 2:
      return joined(before, after.subarray(0, 8), after);
    case 3:
      return joined(
        before,
        encoder.encode(pick(['"', "\\", "{", "}", "\0", "9", ","], random)),
        after,
      );
    default:
      return before.slice();
  }
}
