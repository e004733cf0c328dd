import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { OrillaError } from "../../src/core/errors.ts";
import type { S3Bucket } from "../../src/lake/s3_bucket.ts";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import { type FileToPublish, StillStaged } from "../../src/lake/storage.ts";
import { noFaults } from "../../src/runtime/operations.ts";
import { bucketAt, type S3Server, startS3Server } from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

const OWN = "3f9c1a0b77d2", OTHER = "aaaaaaaaaaaa";
const isOwn = (stagedName: string) => stagedName.includes(`_${OWN}_`);
const LABELS = { remove: "purge:remove", fsync: "purge:fsync" } as const;

function nameOf(sequence: number, instanceId = OWN): string {
  const number = String(sequence).padStart(10, "0");
  return `date=2026-11-24/events_20261124T101500123Z_${instanceId}_${number}.parquet`;
}

/** Gives the action a storage in a bucket of its own. */
function storageTest(
  name: string,
  action: (storage: S3Storage, bucket: S3Bucket, server: S3Server) => Promise<void>,
): void {
  s3Test(name, async () => {
    await using server = await startS3Server();
    const place = { bucket: await server.newBucket(), prefix: "a b=c/".replace(" ", "+") };
    const bucket = bucketAt({ endpoint: server.endpoint, place });
    await action(new S3Storage(bucket, noFaults), bucket, server);
  });
}

/** Stages bytes for a final name, and says what the manifest would keep. */
async function staged(
  storage: S3Storage,
  finalPath: string,
  text: string | Uint8Array,
): Promise<FileToPublish> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const stagedPath = await storage.stage(`_staging/${finalPath.replaceAll("/", "__")}`, bytes);
  const checksum = createHash("sha256").update(bytes).digest("hex");
  return { stagedPath, finalPath, bytes: bytes.length, checksum };
}

function isDamage(part: string) {
  return (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 3 && error.message.includes(part);
}

async function textAt(storage: S3Storage, path: string): Promise<string> {
  return new TextDecoder().decode(await storage.read(path));
}

storageTest(
  "what is staged is durable, listed as staged, and seen by no reader",
  async (storage, bucket) => {
    const file = await staged(storage, nameOf(1), "rows");
    const other = new S3Storage(bucket, noFaults);
    assert.deepEqual(await other.list("_staging"), [file.stagedPath.slice("_staging/".length)]);
    assert.equal(await other.size(file.stagedPath), 4);
    assert.deepEqual(await other.listByPrefix("date="), []);
    assert.equal(await other.exists(file.finalPath), false);
    await assert.rejects(other.readIfThere(file.stagedPath), StillStaged);
  },
);

storageTest(
  "publish() makes it an object, and is idempotent, also in another process",
  async (storage, bucket) => {
    const file = await staged(storage, nameOf(1), "rows");
    await storage.publish([file]);
    assert.equal(await textAt(storage, file.finalPath), "rows");
    assert.deepEqual(await storage.listByPrefix("date="), [file.finalPath]);
    assert.deepEqual(await storage.list("_staging"), []);
    await storage.publish([file]);
    await new S3Storage(bucket, noFaults).publish([file]);
    assert.equal(await textAt(storage, file.finalPath), "rows");
  },
);

storageTest(
  "publish() of what another process staged goes by the manifest alone",
  async (storage, bucket) => {
    const file = await staged(storage, nameOf(1), "rows");
    await new S3Storage(bucket, noFaults).publish([file]);
    assert.equal(await textAt(storage, file.finalPath), "rows");
    await storage.publish([file]);
  },
);

storageTest("publish() never replaces an object", async (storage, bucket) => {
  const file = await staged(storage, nameOf(1), "rows");
  await bucket.putIfAbsent(`a+b=c/${file.finalPath}`, new TextEncoder().encode("theirs"));
  await assert.rejects(storage.publish([file]), isDamage(file.finalPath));
  assert.equal(await textAt(storage, file.finalPath), "theirs");
});

storageTest(
  "publish() refuses what is neither staged nor published, and what is not whole",
  async (storage) => {
    const gone = await staged(storage, nameOf(1), "rows");
    await storage.dropStaged([gone.stagedPath]);
    await assert.rejects(storage.publish([gone]), isDamage("lifecycle"));
    const torn = await staged(storage, nameOf(2), "rows");
    await assert.rejects(
      storage.publish([{ ...torn, bytes: 5 }]),
      isDamage("4 bytes instead of 5"),
    );
  },
);

storageTest("of a commit that lost a file nothing is published", async (storage, bucket) => {
  const files = [await staged(storage, nameOf(1), "one"), await staged(storage, nameOf(2), "two")];
  await storage.dropStaged([files[1]?.stagedPath ?? ""]);
  const next = new S3Storage(bucket, noFaults);
  await assert.rejects(next.publish(files), isDamage(nameOf(2)));
  assert.deepEqual(await next.listByPrefix("date="), []);
});

storageTest("a second stage of the same file leaves one upload", async (storage) => {
  await staged(storage, nameOf(1), "rows");
  const again = await staged(storage, nameOf(1), "rows, again");
  assert.deepEqual(await storage.list("_staging"), [again.stagedPath.slice("_staging/".length)]);
  await storage.publish([again]);
  assert.equal(await textAt(storage, again.finalPath), "rows, again");
});

storageTest("a file of several parts comes back byte for byte", async (storage) => {
  const bytes = new Uint8Array(40 << 20);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  const file = await staged(storage, nameOf(1), bytes);
  await storage.publish([file]);
  const checksum = createHash("sha256").update(await storage.read(file.finalPath)).digest("hex");
  assert.equal(checksum, file.checksum);
  const empty = await staged(storage, nameOf(2), new Uint8Array());
  await storage.publish([empty]);
  assert.equal(await storage.size(empty.finalPath), 0);
});

storageTest(
  "recover() publishes what was committed, and drops what was not: its own alone",
  async (storage, bucket) => {
    const committed = await staged(storage, nameOf(1), "committed");
    await staged(storage, nameOf(2), "not committed");
    const others = await staged(storage, nameOf(2, OTHER), "another's");
    const next = new S3Storage(bucket, noFaults);
    assert.deepEqual(await next.recover([committed], isOwn), {
      publishedCount: 1,
      deletedCount: 1,
    });
    assert.equal(await textAt(next, committed.finalPath), "committed");
    assert.deepEqual(await next.list("_staging"), [others.stagedPath.slice("_staging/".length)]);
    assert.deepEqual(await next.recover([committed], isOwn), {
      publishedCount: 1,
      deletedCount: 0,
    });
  },
);

storageTest(
  "publishUnlisted() publishes whole uploads, and drops those without parts",
  async (storage, bucket) => {
    const file = await staged(storage, nameOf(1), "rows");
    const uploadId = await bucket.createUpload(`a+b=c/${nameOf(2)}`);
    const next = new S3Storage(bucket, noFaults);
    const uploads = (await next.list("_staging")).map((name) => `_staging/${name}`);
    assert.equal(uploads.length, 2, uploadId);
    await next.publishUnlisted(uploads);
    assert.deepEqual(await next.listByPrefix("date="), [file.finalPath]);
    assert.deepEqual(await next.list("_staging"), []);
  },
);

storageTest("putIfAbsent() tells who was first", async (storage, bucket) => {
  const mine = new TextEncoder().encode("mine"), theirs = new TextEncoder().encode("theirs");
  const other = new S3Storage(bucket, noFaults);
  const put = await Promise.all([
    storage.putIfAbsent("_log/0.json", mine, "probe:write"),
    other.putIfAbsent("_log/0.json", theirs, "probe:write"),
  ]);
  assert.equal(put.filter((isFirst) => isFirst).length, 1);
  assert.equal(await textAt(storage, "_log/0.json"), put[0] ? "mine" : "theirs");
  // A try whose answer was lost is tried again, and was the first all the same.
  const again = put[0] ? mine : theirs;
  assert.equal(await storage.putIfAbsent("_log/0.json", again, "probe:write"), true);
});

storageTest(
  "more keys than one answer holds are all listed, and removed",
  async (storage, bucket) => {
    const paths = Array.from({ length: 1_050 }, (_, i) => nameOf(i + 1));
    await Promise.all(paths.map((path) => bucket.putIfAbsent(`a+b=c/${path}`, Uint8Array.of(1))));
    assert.deepEqual(await storage.listByPrefix("date="), paths);
    assert.equal((await storage.list("date=2026-11-24")).length, 1_050);
    assert.deepEqual(await storage.list("."), ["date=2026-11-24"]);
    await storage.removePublished([...paths, "date=2026-11-24/gone"], LABELS);
    assert.deepEqual(await storage.listByPrefix("date="), []);
  },
);

storageTest("what lies beside the prefix is no part of the lake", async (storage, bucket) => {
  await bucket.putIfAbsent(`a+b=cc/${nameOf(1)}`, Uint8Array.of(1));
  await bucket.putIfAbsent(nameOf(2), Uint8Array.of(1));
  await bucket.createUpload(`a+b=cc/${nameOf(1)}`);
  assert.deepEqual(await storage.listByPrefix("date="), []);
  assert.deepEqual(await storage.list("."), []);
  assert.deepEqual(await storage.list("_staging"), []);
});
