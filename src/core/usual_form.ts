import type { Event } from "./event.ts";
import { ACCIONES } from "./event_fields.ts";
import { UsualExtra } from "./usual_extra.ts";
import {
  COLON,
  COMMA,
  endOfText,
  isAt,
  LEFT_BRACE,
  NOT_USUAL,
  QUOTE,
  RIGHT_BRACE,
  skipSpace,
  UsualNumber,
  wordBytes,
} from "./usual_json.ts";
import { UsualTime } from "./usual_time.ts";

/** The fields of the schema, each with its place in NAMES and its bit in a set of fields. */
const FIELD = { event_id: 0, ts: 1, usuario_id: 2, accion: 3, monto: 4 } as const satisfies Record<
  keyof Event,
  number
>;
const UNKNOWN = 5;
const REQUIRED = 1 << FIELD.event_id | 1 << FIELD.ts | 1 << FIELD.usuario_id;
const NAMES = Object.keys(FIELD).map((name) => wordBytes(`"${name}"`));
const WORDS = ACCIONES.map((accion) => wordBytes(`"${accion}"`));
const NULL = wordBytes("null");

/**
 * Reads events straight from a record's bytes where they have the usual form: one flat JSON object of ASCII,
 * with no escapes and no unusual numbers, that satisfies the schema. That is nearly every record, at a
 * fraction of what parsing and validating cost. It is never a second opinion: whatever is in doubt is not
 * usual, and is decoded and validated; for what is usual both give the same row.
 */
export class UsualForm {
  /** What was read. */
  bytes: Uint8Array = new Uint8Array();
  /** Where the event_id lies in it. */
  idStart = 0;
  idEnd = 0;
  readonly time = new UsualTime();
  usuarioId = 0;
  /** As in the batch's column: 0 is null, else the place in ACCIONES plus one. */
  accion = 0;
  /** 0 where it is null or absent. */
  monto = 0;
  readonly extra = new UsualExtra();

  readonly #number = new UsualNumber();
  /** The fields read so far. */
  #seen = 0;
  /** The field that most producers write next. */
  #next = 0;

  /**
   * Reads the event that lies in some bytes from `start` to `end`. It may look beyond the end, but takes
   * nothing for usual that does not end there.
   *
   * @returns false where the bytes do not have the usual form; what was read then means nothing
   */
  read(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    let at = skipSpace(bytes, start);
    if (bytes[at] !== LEFT_BRACE) return false;
    this.#clear();
    this.bytes = bytes;
    for (;;) {
      at = this.#readField(bytes, skipSpace(bytes, at + 1));
      if (at === NOT_USUAL) return false;
      at = skipSpace(bytes, at);
      const byte = bytes[at];
      if (byte === COMMA) continue;
      if (byte !== RIGHT_BRACE || at >= end || skipSpace(bytes, at + 1) < end) return false;
      if (!this.extra.isEmpty) this.extra.close();
      return (this.#seen & REQUIRED) === REQUIRED;
    }
  }

  #clear(): void {
    this.#seen =
      this.#next =
      this.accion =
      this.monto =
        0;
    this.extra.clear();
  }

  /** Reads a name, a colon and a value; a known name must be the first of its kind. */
  #readField(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== QUOTE) return NOT_USUAL;
    const field = fieldAt(bytes, at, this.#next);
    this.#next = field + 1;
    const nameEnd = field === UNKNOWN
      ? endOfText(bytes, at + 1) + 1
      : at + (NAMES[field]?.length ?? 0);
    if (nameEnd === NOT_USUAL + 1) return NOT_USUAL;
    const colon = skipSpace(bytes, nameEnd);
    if (bytes[colon] !== COLON) return NOT_USUAL;
    const value = skipSpace(bytes, colon + 1);
    if (field === UNKNOWN) return this.extra.read(bytes, { start: at, end: nameEnd }, value);
    if ((this.#seen & 1 << field) !== 0) return NOT_USUAL;
    this.#seen |= 1 << field;
    return this.#readValue(field, bytes, value);
  }

  #readValue(field: number, bytes: Uint8Array, at: number): number {
    switch (field) {
      case FIELD.event_id:
        return this.#readEventId(bytes, at);
      case FIELD.ts:
        return this.#readTs(bytes, at);
      case FIELD.usuario_id:
        return this.#readUsuarioId(bytes, at);
      case FIELD.accion:
        return this.#readAccion(bytes, at);
      default:
        return this.#readMonto(bytes, at);
    }
  }

  #readEventId(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== QUOTE) return NOT_USUAL;
    this.idStart = at + 1;
    this.idEnd = endOfText(bytes, at + 1);
    return this.idEnd > this.idStart ? this.idEnd + 1 : NOT_USUAL;
  }

  #readTs(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== QUOTE) return NOT_USUAL;
    const end = this.time.read(bytes, at + 1);
    return end !== NOT_USUAL && bytes[end] === QUOTE ? end + 1 : NOT_USUAL;
  }

  #readUsuarioId(bytes: Uint8Array, at: number): number {
    const end = this.#number.read(bytes, at);
    if (end === NOT_USUAL || this.#number.fractionDigits > 0) return NOT_USUAL;
    this.usuarioId = this.#number.value;
    return end;
  }

  #readAccion(bytes: Uint8Array, at: number): number {
    for (let i = 0; i < WORDS.length; i++) {
      const word = WORDS[i];
      if (word === undefined || !isAt(bytes, at, word)) continue;
      this.accion = i + 1;
      return at + word.length;
    }
    return NOT_USUAL;
  }

  #readMonto(bytes: Uint8Array, at: number): number {
    if (isAt(bytes, at, NULL)) return at + NULL.length;
    const end = this.#number.read(bytes, at);
    if (end === NOT_USUAL || this.#number.value < 0) return NOT_USUAL;
    this.monto = this.#number.value;
    return end;
  }
}

/** Which field is named at a quote; a guess saves looking at all of them. */
function fieldAt(bytes: Uint8Array, at: number, guess: number): number {
  const guessed = NAMES[guess];
  if (guessed !== undefined && isAt(bytes, at, guessed)) return guess;
  for (let field = 0; field < NAMES.length; field++) {
    const name = NAMES[field];
    if (name !== undefined && isAt(bytes, at, name)) return field;
  }
  return UNKNOWN;
}
