import { Buffer } from "node:buffer";
import type { RawRecord } from "../../src/core/record.ts";

/** A text that nothing but the records of these tests holds. */
export const CANARY = "CANARIO7f3a";
/** Numbers that nothing else holds. */
const CANARY_NUMBER = "7731904455";
const CANARY_AMOUNT = "77319.0455";

/** How the canary looks in texts: as it is, cut, in hexadecimal, in base64 at any place, as a list of bytes. */
const TRACES: readonly RegExp[] = [
  /CANARIO/i,
  new RegExp(CANARY_NUMBER),
  new RegExp(CANARY_AMOUNT.replace(".", "[.,]")),
  new RegExp(Buffer.from("CANARI").toString("hex"), "i"),
  ...["", "x", "xx"].map((before) =>
    new RegExp(Buffer.from(`${before}CANARIO`).toString("base64").slice(before.length + 1, 9))
  ),
  new RegExp([...Buffer.from("CANAR")].join("\\s*,\\s*")),
];

/** What of the canaries a text holds, with what is around it; null where there is nothing. */
export function leakIn(text: string): string | null {
  for (const trace of TRACES) {
    const at = text.search(trace);
    if (at >= 0) return `${trace}: ${text.slice(Math.max(0, at - 100), at + 100)}`;
  }
  return null;
}

/** A record of the tests: everything but its event_id may be a canary. */
interface CanaryParts {
  readonly key: string;
  readonly value: string | Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

const FIELDS = {
  ts: '"2026-11-24T10:15:00Z"',
  usuario_id: CANARY_NUMBER,
  monto: CANARY_AMOUNT,
  [CANARY]: `{"${CANARY}":["${CANARY}",${CANARY_NUMBER}]}`,
};

/** The JSON text of an event: given fields are JSON texts too, and an empty one leaves the field out. */
function eventText(fields: Readonly<Record<string, string>>): string {
  const members = Object.entries({ ...FIELDS, ...fields }).filter(([, value]) => value !== "");
  return `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`;
}

/** A value for each reason of rejection that a value can have, and what is nearly one; canaries in all of them. */
const INVALID: readonly (string | Uint8Array | null)[] = [
  null,
  Uint8Array.of(...Buffer.from(`{"${CANARY}":"`), 0xff, 0x22, 0x7d),
  `{"${CANARY}":"${CANARY}`,
  `${CANARY}`,
  `"${CANARY}"`,
  `["${CANARY}",${CANARY_NUMBER}]`,
  eventText({ event_id: '"p1"', n: "1e400", deep: "[".repeat(50_000) + "]".repeat(50_000) }),
  eventText({}),
  eventText({ event_id: `{"${CANARY}":"${CANARY}"}` }),
  eventText({ event_id: '""' }),
  eventText({ event_id: `"${CANARY}\\ud800"` }),
  eventText({ event_id: '"p2"', ts: "" }),
  eventText({ event_id: '"p3"', ts: CANARY_NUMBER }),
  eventText({ event_id: '"p4"', ts: `"${CANARY}"` }),
  eventText({ event_id: '"p5"', usuario_id: "" }),
  eventText({ event_id: '"p6"', usuario_id: `"${CANARY}"` }),
  eventText({ event_id: '"p7"', accion: `"${CANARY}"` }),
  eventText({ event_id: '"p8"', monto: `"${CANARY}"` }),
  eventText({ event_id: '"p9"', monto: "1e400" }),
  eventText({ event_id: '"p10"', monto: `-${CANARY_AMOUNT}` }),
  eventText({ event_id: '"p11"', monto: "9007199254740993" }),
  eventText({ event_id: '"p12"', long: `"${CANARY.repeat(1_000)}"` }),
];

/** Records larger than this are too large. */
export const MAX_RECORD_BYTES = 150_000;
const TOO_LARGE = eventText({ event_id: '"p13"', long: `"${CANARY.repeat(20_000)}"` });

/** All canary records, valid and invalid, as texts and bytes. */
export function canaryParts(): readonly CanaryParts[] {
  const valid = Array.from(
    { length: 30 },
    (_, i) => eventText({ event_id: `"permitted${i % 25}"` }),
  );
  return [...valid, ...INVALID, TOO_LARGE].map((value) => ({
    key: CANARY,
    value,
    headers: { [CANARY]: CANARY, [`../${CANARY}`]: CANARY_NUMBER },
  }));
}

/** Those records at offsets from 0 on. */
export function canaryRecords(): RawRecord[] {
  return canaryParts().map(({ key, value, headers }, i) => ({
    offset: BigInt(i),
    timestampMs: 1_795_000_000_000,
    key: Buffer.from(key),
    value: typeof value === "string" ? Buffer.from(value) : value,
    headers: Object.entries(headers).map(([name, text]) => ({ name, value: Buffer.from(text) })),
  }));
}
