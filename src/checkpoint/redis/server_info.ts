import type { RedisConnection } from "./connection.ts";
import { textOf } from "./replies.ts";

/** What the server says of itself in a section of INFO. @throws as `RedisConnection.send` */
export async function infoOf(
  connection: RedisConnection,
  section: "cpu" | "memory" | "persistence" | "replication" | "server",
): Promise<ReadonlyMap<string, string>> {
  const text = textOf(await connection.send(["INFO", section]));
  return new Map(
    text.split("\r\n").flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
}
