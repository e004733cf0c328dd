import assert from "node:assert/strict";
import { redisAddress } from "../../src/checkpoint/redis/address.ts";
import { RedisConnection } from "../../src/checkpoint/redis/connection.ts";
import { openStore } from "../../src/checkpoint/open_store.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { makeCertificates } from "../stores/certificates.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { runToEnd, type StoreServer } from "../stores/store_server.ts";

const NAME = "IP:127.0.0.1,DNS:localhost";

/** Makes the server speak TLS on another port, too; its authority and that port. */
async function turnOnTls(server: StoreServer) {
  const { authority, certificate, key } = await makeCertificates(runToEnd, {
    folder: server.dataDir,
    name: NAME,
  });
  // The block of ports that the server holds has free ones.
  const port = Number(new URL(server.url).port) + 1;
  await using connection = new RedisConnection(redisAddress(parseStoreUrl(server.url), null));
  await connection.send([
    ...["CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key],
    ...["tls-auth-clients", "no", "tls-port", String(port)],
  ]);
  return { authority: await Deno.readTextFile(authority), port };
}

async function foreignAuthority(folder: string): Promise<string> {
  await Deno.mkdir(folder);
  const { authority } = await makeCertificates(runToEnd, { folder, name: NAME });
  return await Deno.readTextFile(authority);
}

/** "open", or why it was not. */
async function outcomeOf(url: string, caCertificates: string | null): Promise<string> {
  try {
    const options = { ttlMs: 0, duplicateTtlMs: 0 };
    await using store = await openStore({ checkpointDir: "/", url, caCertificates }, options);
    await store.reserve();
    return "open";
  } catch (error) {
    assert.ok(error instanceof OrillaError && error.exitCode === 2, String(error));
    return /is not trusted|speaks (no )?TLS/.exec(error.message)?.[0] ?? String(error);
  }
}

Deno.test({
  name:
    "rediss:// is TLS, and trusts the authorities of CHECKPOINT_CA_FILE alone; else exit 2 at once",
  ignore: redisLeftOut() !== null,
  fn: async () => {
    await using server = await startRedis({ bind: "127.0.0.1 127.0.0.2" });
    const { authority: own, port } = await turnOnTls(server);
    const foreign = await foreignAuthority(`${server.dataDir}/foreign`);
    const plainPort = new URL(server.url).port;
    const expected: readonly (readonly [string, string | null, string])[] = [
      [`rediss://127.0.0.1:${port}`, own, "open"],
      [`rediss://localhost:${port}`, own, "open"],
      [`rediss://127.0.0.2:${port}`, own, "is not trusted"],
      [`rediss://127.0.0.1:${port}`, foreign, "is not trusted"],
      [`rediss://127.0.0.1:${port}`, null, "is not trusted"],
      [`redis://127.0.0.1:${port}`, null, "speaks TLS"],
      [`redis://127.0.0.1:${plainPort}`, null, "open"],
    ];
    for (const [url, ca, outcome] of expected) assert.equal(await outcomeOf(url, ca), outcome, url);
  },
});

Deno.test({
  name:
    "a Redis that speaks no TLS is refused by rediss://, exit 2, as soon as the client has waited in vain",
  ignore: redisLeftOut() !== null,
  // In Deno 2.6 a handshake that node:tls gives up leaves its connection.
  sanitizeResources: false,
  fn: async () => {
    await using server = await startRedis();
    const url = server.url.replace("redis://", "rediss://");
    assert.equal(await outcomeOf(url, null), "speaks no TLS");
  },
});
