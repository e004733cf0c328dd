import { Buffer, isUtf8 } from "node:buffer";

/** What a value must become: read here once more, in another way than orilla's. */
export type Expected =
  | { readonly kind: "rejected"; readonly why: string }
  | ExpectedEvent;

/** The row that an event must become. Nesting is not looked at: how deep is too deep, the engine decides. */
export interface ExpectedEvent {
  readonly kind: "event";
  readonly eventId: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly ts: bigint;
  readonly usuarioId: bigint;
  readonly accion: string | null;
  readonly monto: number;
  /** The unknown fields by name, as JSON texts. */
  readonly unknown: ReadonlyMap<string, string>;
}

function wrong(why: string): Expected {
  return { kind: "rejected", why };
}

/** Reads a value as README describes it. */
export function expectedOf(value: Uint8Array | null): Expected {
  if (value === null || value.length === 0) return wrong("no value");
  if (!isUtf8(value)) return wrong("not UTF-8");
  const text = Buffer.from(value).toString("utf8");
  try {
    JSON.parse(text);
  } catch (error) {
    return wrong(`not JSON: ${error}`);
  }
  if (!/^[ \t\r\n]*\{/.test(text)) return wrong("not an object");
  const members = membersOf(text);
  const id = stringOf(members.get("event_id"));
  if (id === null || id === "" || /\p{Surrogate}/u.test(id)) return wrong("event_id");
  const ts = microsecondsOf(stringOf(members.get("ts")) ?? "");
  if (ts === null) return wrong("ts");
  const usuarioId = integerOf(members.get("usuario_id") ?? "");
  if (usuarioId === null) return wrong("usuario_id");
  const accion = members.has("accion") ? stringOf(members.get("accion")) ?? "" : null;
  if (accion !== null && !/^(click|view|purchase)$/.test(accion)) return wrong("accion");
  const monto = amountOf(members.get("monto") ?? "null");
  if (monto === null) return wrong("monto");
  for (const name of ["event_id", "ts", "usuario_id", "accion", "monto"]) members.delete(name);
  return { kind: "event", eventId: id, ts, usuarioId, accion, monto, unknown: members };
}

/** The members of an object in a text known to be JSON: name → JSON text, the last of a name. */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let depth = 0, start = 0, name: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const unit = text[at] ?? "";
    if (unit === '"') {
      while (text[++at] !== '"') if (text[at] === "\\") at++;
    } else if (unit === "{" || unit === "[") {
      if (++depth === 1) start = at + 1;
    } else if (unit === ":" && depth === 1 && name === null) {
      name = JSON.parse(text.slice(start, at));
      start = at + 1;
    } else if (unit === "}" || unit === "]" || unit === ",") {
      if (depth === 1 && name !== null) {
        members.set(name, text.slice(start, at).trim());
        name = null;
        start = at + 1;
      }
      if (unit !== ",") depth--;
    }
  }
  return members;
}

function stringOf(json: string | undefined): string | null {
  return json?.startsWith('"') ? JSON.parse(json) : null;
}

function microsecondsOf(text: string): bigint | null {
  const [, date = "", , clock = "00:00", , seconds = "00", , fraction = "", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(T(\d\d:\d\d)(:(\d\d)([.,](\d{1,30}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/
      .exec(text) ?? [];
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const isDate = Number.isFinite(midnight) && new Date(midnight).toISOString().startsWith(date);
  const time = Date.parse(`1970-01-01T${clock}:${seconds}Z`);
  if (date === "" || !isDate || !(time >= 0) || clock.startsWith("24")) return null;
  const [, sign = "+", hours = "00", minutes = "00"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const offset = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  const ms = midnight + time - offset;
  if (ms < Date.parse("0000-01-01T00:00:00Z") || ms > Date.parse("9999-12-31T23:59:59.999Z")) {
    return null;
  }
  return BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

interface Decimal {
  /** Without trailing zeros; negative where the number is. */
  readonly digits: bigint;
  readonly exponent: number;
}

function decimalOf(json: string): Decimal | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json);
  if (match === null) return null;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`;
  const kept = digits.replace(/0+$/, "");
  const shift = digits.length - kept.length - fraction.length;
  return { digits: BigInt(`${sign}${kept || 0}`), exponent: Number(exponent) + shift };
}

function integerOf(json: string): bigint | null {
  const decimal = decimalOf(json);
  if (decimal === null) return null;
  if (decimal.digits === 0n) return 0n;
  if (decimal.exponent < 0 || decimal.exponent > 15) return null;
  const value = decimal.digits * 10n ** BigInt(decimal.exponent);
  const limit = 2n ** 53n;
  return value > -limit && value < limit ? value : null;
}

function amountOf(json: string): number | null {
  if (json === "null") return 0;
  const decimal = decimalOf(json);
  const value = Number(json);
  if (decimal === null || !Number.isFinite(value) || value < 0) return null;
  if (decimal.digits === 0n) return 0;
  if (value === 0 || String(decimal.digits).length > 100) return null;
  return isNearest(decimal, value) ? value : null;
}

/** Whether a decimal lies within half a unit of its last digit of the exact value of a float. */
function isNearest({ digits, exponent }: Decimal, value: number): boolean {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & (2n ** 52n - 1n);
  const mantissa = biased === 0 ? fraction : fraction + 2n ** 52n;
  const power = Math.max(biased, 1) - 1075;
  // Both as whole numbers: digits × 10^exponent and mantissa × 2^power, times what takes their denominators away.
  const scale = 10n ** BigInt(Math.max(0, -exponent)) * 2n ** BigInt(Math.max(0, -power));
  const unit = scale * 10n ** BigInt(Math.max(0, exponent)) / 10n ** BigInt(Math.max(0, -exponent));
  const exact = scale * mantissa * 2n ** BigInt(Math.max(0, power)) /
    2n ** BigInt(Math.max(0, -power));
  const difference = 2n * (digits * unit - exact);
  return difference >= -unit && difference <= unit;
}
