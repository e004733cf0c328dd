import type { Reason } from "../../src/core/outcome.ts";

/**
 * Events and invalid records that follow from their numbers alone: who knows how many there are knows what
 * must be in a lake, without keeping any of them.
 */

/** What an event is, as it must stand in the lake. */
export interface NumberedEvent {
  readonly tsMs: number;
  readonly usuarioId: number;
  readonly monto: number;
}

/** Dates of the events. */
export const DATES = ["2026-11-23", "2026-11-24"] as const;

const MS_A_DAY = 86_400_000;
const FIRST_DATE_MS = Date.parse(`${DATES[0]}T00:00:00Z`);

/** The event of a number, from 0. */
export function eventOf(id: number): NumberedEvent {
  return {
    tsMs: FIRST_DATE_MS + (id % DATES.length) * MS_A_DAY + id * 7 % MS_A_DAY,
    usuarioId: 1 + id % 1_000,
    monto: id % 5 === 0 ? id % 100_000 / 100 : 0,
  };
}

/** The JSON of the event of a number. */
export function eventJson(id: number): string {
  const { tsMs, usuarioId, monto } = eventOf(id);
  const ts = new Date(tsMs).toISOString();
  return `{"event_id":"${
    idOf(id)
  }","ts":"${ts}","usuario_id":${usuarioId},"accion":"view","monto":${
    id % 5 === 0 ? monto : null
  }}`;
}

/** The event_id of a number. */
export function idOf(id: number): string {
  return `e${id}`;
}

/** The number of an event_id; -1 where it is none of these. */
export function numberOf(eventId: string): number {
  return /^e(0|[1-9]\d*)$/.test(eventId) ? Number(eventId.slice(1)) : -1;
}

/** The partition that the first copy of an event goes to. */
export function partitionOf(id: number, partitionCount: number): number {
  return id % partitionCount;
}

const INVALID_REASONS = [
  "not_json",
  "usuario_id_missing",
  "ts_not_iso8601",
] as const satisfies readonly Reason[];

/** The value of the invalid record of a number, and the reason why it must be rejected. */
export function invalidOf(number: number): { readonly value: string; readonly reason: Reason } {
  const reason = INVALID_REASONS[number % INVALID_REASONS.length] ?? "not_json";
  const start = `{"event_id":"x${number}","ts":"`;
  switch (reason) {
    case "not_json":
      return { reason, value: start };
    case "usuario_id_missing":
      return { reason, value: `${start}2026-11-24T10:00:00Z"}` };
    case "ts_not_iso8601":
      return { reason, value: `${start}yesterday","usuario_id":1}` };
    default:
      return reason satisfies never;
  }
}

/** The key of the invalid record of a number. */
export function invalidKeyOf(number: number): string {
  return `x${number}`;
}

/** The number of the invalid record with a key; -1 where it is none of these. */
export function invalidNumberOf(key: string): number {
  return /^x(0|[1-9]\d*)$/.test(key) ? Number(key.slice(1)) : -1;
}
