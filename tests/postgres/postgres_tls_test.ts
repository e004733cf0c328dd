import assert from "node:assert/strict";
import { openStore } from "../../src/checkpoint/open_store.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { runOrilla } from "../orilla_process.ts";
import { makeCertificates } from "../stores/certificates.ts";
import { runToEnd } from "../stores/store_server.ts";
import { binariesOf, onPostgres, startPostgres } from "./cluster.ts";

/** The second one is none that the certificate is for, and none that counts as this machine. */
const LISTENS = { listen_addresses: "127.0.0.1,127.0.0.2" };

interface Try {
  readonly url: string;
  readonly host: string;
  readonly sslmode: string | null;
  readonly ca: string | null;
}

/** "open", or why it was not. */
async function outcomeOf({ url, host, sslmode, ca }: Try): Promise<string> {
  const given = new URL(url.replace("127.0.0.1", host));
  given.searchParams.delete("sslmode");
  if (sslmode !== null) given.searchParams.set("sslmode", sslmode);
  const location = { checkpointDir: "", url: given.href, caCertificates: ca };
  try {
    await using store = await openStore(location, { ttlMs: 0, duplicateTtlMs: 0 });
    await store.reserve();
    return "open";
  } catch (error) {
    assert.ok(error instanceof OrillaError && error.exitCode === 2, String(error));
    return /is not trusted|speaks no TLS|expected sslmode=/.exec(error.message)?.[0] ??
      String(error);
  }
}

async function foreignAuthority(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_ca_" });
  try {
    const { authority } = await makeCertificates(runToEnd, { folder, name: "IP:127.0.0.1" });
    return await Deno.readTextFile(authority);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

onPostgres((cluster) => {
  Deno.test("PostgreSQL over TLS is verified by authority and host, but with sslmode=require and disable", async () => {
    const url = cluster().url();
    const own = await Deno.readTextFile(`${cluster().dataDir}/ca.crt`);
    const foreign = await foreignAuthority();
    const expected: readonly (readonly [Omit<Try, "url">, string])[] = [
      [{ host: "127.0.0.1", sslmode: "verify-full", ca: own }, "open"],
      [{ host: "localhost", sslmode: "verify-full", ca: own }, "open"],
      [{ host: "127.0.0.1", sslmode: "verify-full", ca: foreign }, "is not trusted"],
      [{ host: "127.0.0.1", sslmode: "verify-full", ca: null }, "is not trusted"],
      [{ host: "127.0.0.2", sslmode: "verify-full", ca: own }, "is not trusted"],
      [{ host: "127.0.0.2", sslmode: "verify-ca", ca: own }, "is not trusted"],
      [{ host: "127.0.0.2", sslmode: null, ca: own }, "is not trusted"],
      [{ host: "127.0.0.1", sslmode: "prefer", ca: own }, "open"],
      [{ host: "127.0.0.1", sslmode: "prefer", ca: foreign }, "is not trusted"],
      [{ host: "127.0.0.1", sslmode: "allow", ca: foreign }, "is not trusted"],
      [{ host: "127.0.0.2", sslmode: "require", ca: foreign }, "open"],
      [{ host: "127.0.0.2", sslmode: "disable", ca: null }, "open"],
      [{ host: "127.0.0.1", sslmode: null, ca: null }, "open"],
      [{ host: "127.0.0.1", sslmode: "verify_full", ca: own }, "expected sslmode="],
    ];
    for (const [given, outcome] of expected) {
      const { host, sslmode } = given;
      assert.equal(await outcomeOf({ url, ...given }), outcome, `${host} sslmode=${sslmode}`);
    }
  });

  Deno.test("PostgreSQL over TLS: a run in its sandbox trusts the authorities of --checkpoint-ca-file", async () => {
    const folder = await Deno.makeTempDir({ prefix: "orilla_tls_" });
    try {
      const CHECKPOINT_URL = cluster().url() + "&sslmode=verify-full";
      const args = ["simulate", "--out-dir", `${folder}/lake`, "--count", "100"];
      // Deno lets nobody read below /dev, where the server may lie.
      await Deno.copyFile(`${cluster().dataDir}/ca.crt`, `${folder}/ca.crt`);
      const caFile = ["--checkpoint-ca-file", `${folder}/ca.crt`];
      const refused = await runOrilla(args, { env: { CHECKPOINT_URL } });
      assert.deepEqual([refused.code, refused.stdout], [2, ""]);
      assert.match(refused.stderr, /is not trusted/);
      const done = await runOrilla([...args, ...caFile], { env: { CHECKPOINT_URL } });
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stdout, /published +100/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}, { tls: true, settings: LISTENS });

Deno.test({
  name: "a PostgreSQL that speaks no TLS is refused at once, exit 2, where it has to be encrypted",
  ignore: binariesOf() === null,
  fn: async () => {
    await using cluster = await startPostgres({ settings: LISTENS });
    const url = cluster.url(), ca = null;
    for (const sslmode of ["require", "verify-full", "prefer"]) {
      const outcome = await outcomeOf({ url, host: "127.0.0.1", sslmode, ca });
      assert.equal(outcome, "speaks no TLS", sslmode);
    }
    assert.equal(
      await outcomeOf({ url, host: "127.0.0.2", sslmode: null, ca }),
      "speaks no TLS",
    );
  },
});
