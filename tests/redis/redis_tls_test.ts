import assert from "node:assert/strict";
import { redisAddress } from "../../src/checkpoint/redis/address.ts";
import { RedisConnection } from "../../src/checkpoint/redis/connection.ts";
import { openStore } from "../../src/checkpoint/open_store.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { makeCertificates } from "../stores/certificates.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { runToEnd } from "../stores/store_server.ts";

Deno.test({
  name: "rediss:// is TLS, and trusts the authorities of CHECKPOINT_CA_FILE alone",
  ignore: redisLeftOut() !== null,
  fn: async () => {
    await using server = await startRedis();
    const { authority, certificate, key } = await makeCertificates(runToEnd, {
      folder: server.dataDir,
      name: "IP:127.0.0.1",
    });
    // The block of ports that the server holds has free ones.
    const tlsPort = Number(new URL(server.url).port) + 1;
    {
      const address = redisAddress(parseStoreUrl(server.url), null);
      await using connection = new RedisConnection(address);
      await connection.send([
        ...["CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key],
        ...["tls-auth-clients", "no", "tls-port", String(tlsPort)],
      ]);
    }
    const url = `rediss://127.0.0.1:${tlsPort}`;
    const options = { ttlMs: 0, duplicateTtlMs: 0 };
    const open = (caCertificates: string | null) =>
      openStore({ checkpointDir: "/", url, caCertificates }, options);
    await assert.rejects(open(null), /not trusted|not be trusted/);
    await using store = await open(await Deno.readTextFile(authority));
    assert.equal(await store.reserve(), 1);
  },
});
