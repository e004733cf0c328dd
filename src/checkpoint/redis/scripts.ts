import claim from "./claim.lua" with { type: "text" };
import commit from "./commit.lua" with { type: "text" };
import common from "./common.lua" with { type: "text" };
import ended from "./ended.lua" with { type: "text" };
import leave from "./leave.lua" with { type: "text" };
import live from "./live.lua" with { type: "text" };
import manifest from "./manifest.lua" with { type: "text" };
import mark from "./mark.lua" with { type: "text" };
import open from "./open.lua" with { type: "text" };
import purge from "./purge.lua" with { type: "text" };
import rebuildAdopt from "./rebuild_adopt.lua" with { type: "text" };
import rebuildBegin from "./rebuild_begin.lua" with { type: "text" };
import rebuildClear from "./rebuild_clear.lua" with { type: "text" };
import rebuildEnd from "./rebuild_end.lua" with { type: "text" };
import rebuildIds from "./rebuild_ids.lua" with { type: "text" };
import rebuildLive from "./rebuild_live.lua" with { type: "text" };
import replace from "./replace.lua" with { type: "text" };
import reserve from "./reserve.lua" with { type: "text" };
import retain from "./retain.lua" with { type: "text" };
import seen from "./seen.lua" with { type: "text" };
import snapshot from "./snapshot.lua" with { type: "text" };
import tidy from "./tidy.lua" with { type: "text" };
import withdraw from "./withdraw.lua" with { type: "text" };

/** A Lua script as Redis takes it: the server runs it as a whole, and nothing else meanwhile. */
export interface LoadedScript {
  readonly source: string;
  /** How the server knows it: SHA-1 of the source, hexadecimal. */
  readonly sha1: string;
}

const SOURCES = {
  claim,
  commit,
  ended,
  leave,
  live,
  manifest,
  mark,
  open,
  purge,
  rebuild_adopt: rebuildAdopt,
  rebuild_begin: rebuildBegin,
  rebuild_clear: rebuildClear,
  rebuild_end: rebuildEnd,
  rebuild_ids: rebuildIds,
  rebuild_live: rebuildLive,
  replace,
  reserve,
  retain,
  seen,
  snapshot,
  tidy,
  withdraw,
} as const;
export type Script = keyof typeof SOURCES;

const loaded = new Map<Script, Promise<LoadedScript>>();

/** A script by its name. */
export function scriptOf(name: Script): Promise<LoadedScript> {
  const known = loaded.get(name) ?? load(SOURCES[name]);
  loaded.set(name, known);
  return known;
}

async function load(body: string): Promise<LoadedScript> {
  const source = `${common}\n${body}`;
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(source));
  const digits = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return { source, sha1: digits.join("") };
}
