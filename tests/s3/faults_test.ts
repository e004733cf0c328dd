import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { stagedPathFor } from "../../src/lake/s3_staged_path.ts";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import { noFaults } from "../../src/runtime/operations.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { bucketDifferences, runIntoBucket } from "./bucket_lake.ts";
import type { SeenRequest } from "./fault_proxy.ts";
import { PASSING, withFaultyLake } from "./faulty_lake.ts";
import { bucketAt, startS3Server } from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

const topic = variedTopic(120);

s3Test("each request of a run may fail in any way that passes, and the lake is exact", async () => {
  await using server = await startS3Server();
  let count = 0;
  await withFaultyLake(server, async (lake) => {
    await runIntoBucket(lake, { topic });
    count = lake.proxy.requests.length;
    assert.ok(count > 50, `${count} requests`);
    assert.deepEqual(await bucketDifferences(lake.direct, topic), []);
  });
  for (let index = 0; index < count; index++) {
    for (const fault of [PASSING[index % 7], PASSING[(index + 3) % 7]]) {
      await withFaultyLake(server, async (lake) => {
        lake.proxy.faultOf = (request) => request.index === index ? fault ?? null : null;
        await runIntoBucket(lake, { topic });
        const { method, target } = lake.proxy.requests[index] ?? {};
        const where = `${JSON.stringify(fault)} at ${index}: ${method} ${target}`;
        assert.equal(lake.retries.length, 1, where);
        // What a lost answer leaves goes with the next start.
        await runIntoBucket(lake, { topic });
        assert.deepEqual(await bucketDifferences(lake.direct, topic), [], where);
      });
    }
  }
});

s3Test("one request in five fails in some way, and the lake is exact", async () => {
  const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 2 ** 32);
  const random = seededRandom(seed);
  await using server = await startS3Server();
  await withFaultyLake(server, async (lake) => {
    lake.proxy.faultOf = () =>
      random() < 0.2 ? PASSING[Math.floor(random() * PASSING.length)] ?? null : null;
    await runIntoBucket(lake, { topic });
    await runIntoBucket(lake, { topic });
    assert.ok(lake.retries.length > 10, `${lake.retries.length} retries`);
    const found = await bucketDifferences(lake.direct, topic);
    assert.deepEqual(found, [], `ORILLA_TEST_SEED=${seed}`);
  }, 30);
});

s3Test(
  "a store that stays away ends the run after the retries, and the next start goes on",
  async () => {
    await using server = await startS3Server();
    await withFaultyLake(server, async (lake) => {
      lake.proxy.faultOf = ({ index }) =>
        index > 20 ? { kind: "answer", status: 503, code: "SlowDown" } : null;
      await assert.rejects(runIntoBucket(lake, { topic }), {
        name: "OrillaError",
        exitCode: 1,
        message: /Gave up object_store after 5 tries in .* s: \w+ \S+: 503 SlowDown/,
      });
      lake.proxy.faultOf = () => null;
      await runIntoBucket(lake, { topic });
      assert.deepEqual(await bucketDifferences(lake.direct, topic), []);
    });
  },
);

s3Test("a refusal is not tried again, and ends the run with advice", async () => {
  await using server = await startS3Server();
  const refusals = [
    [403, "AccessDenied", /403 AccessDenied\. What can be done: let these credentials list/],
    [403, "SignatureDoesNotMatch", /look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    [400, "ExpiredToken", /start again with new credentials/],
    [404, "NoSuchBucket", /make the bucket/],
    [301, "PermanentRedirect", /set --s3-region \(now us-east-1\) and --s3-endpoint/],
    [501, "NotImplemented", /this store lacks what orilla needs/],
  ] as const;
  for (const [status, code, message] of refusals) {
    await withFaultyLake(server, async (lake) => {
      lake.proxy.faultOf = ({ index }) => index === 12 ? { kind: "answer", status, code } : null;
      const expected = { name: "OrillaError", exitCode: 1, message };
      await assert.rejects(runIntoBucket(lake, { topic }), expected);
      assert.deepEqual(lake.retries, [], code);
      await runIntoBucket(lake, { topic });
      assert.deepEqual(await bucketDifferences(lake.direct, topic), [], code);
    });
  }
});

s3Test("a clock that is an hour off is corrected by the store's, with a warning", async () => {
  await using server = await startS3Server();
  const place = { bucket: await server.newBucket(), prefix: "" };
  for (const offMs of [3_600_000, -3_600_000]) {
    const warnings: string[] = [];
    const silent = () => {};
    const log = {
      debug: silent,
      info: silent,
      error: silent,
      warning: (text: string) => void warnings.push(text),
    };
    const clock = { nowMs: () => Date.now() + offMs, monotonicMs: () => performance.now() };
    const bucket = bucketAt({ endpoint: server.endpoint, place }, { clock, log });
    await new S3Storage(bucket, noFaults).prepare();
    assert.equal(warnings.length, 1, "it learns the time once");
    assert.match(warnings[0] ?? "", /its own is taken .* Set the clock/);
  }
});

s3Test("a clock that the store goes on to refuse ends the run with advice", async () => {
  await using server = await startS3Server();
  await withFaultyLake(server, async (lake) => {
    lake.proxy.faultOf = () => ({ kind: "answer", status: 403, code: "RequestTimeTooSkewed" });
    await assert.rejects(runIntoBucket(lake, { topic }), {
      exitCode: 1,
      message: /403 RequestTimeTooSkewed\. What can be done: .* set the clocks/,
    });
  });
});

function isPut({ method, target }: SeenRequest): boolean {
  return method === "PUT" && !target.includes("uploadId");
}

function isComplete({ method, target }: SeenRequest): boolean {
  return method === "POST" && target.includes("uploadId");
}

s3Test("a store that writes over objects in spite of If-None-Match is not written to", async () => {
  await using server = await startS3Server();
  for (
    const [takes, operation] of [[isPut, "PutObject"], [
      isComplete,
      "CompleteMultipartUpload",
    ]] as const
  ) {
    await withFaultyLake(server, async (lake) => {
      lake.proxy.faultOf = (request) =>
        takes(request) ? { kind: "answer", status: 200, code: "" } : null;
      await assert.rejects(runIntoBucket(lake, { topic }), {
        exitCode: 1,
        message: new RegExp(`writes over an object in spite of If-None-Match \\(${operation}\\)`),
      });
      assert.deepEqual(await new S3Storage(lake.direct.bucket, noFaults).listByPrefix("date="), []);
    });
  }
});

s3Test("one that does so once, as where several begin side by side, is written to", async () => {
  await using server = await startS3Server();
  // The first put makes the probe, and the next one must be refused, as the first completion.
  for (const [takes, place] of [[isPut, 2], [isComplete, 1]] as const) {
    await withFaultyLake(server, async (lake) => {
      let seen = 0;
      lake.proxy.faultOf = (request) =>
        takes(request) && ++seen === place ? { kind: "answer", status: 200, code: "" } : null;
      await runIntoBucket(lake, { topic });
      assert.ok(seen > place);
      assert.notDeepEqual(
        await new S3Storage(lake.direct.bucket, noFaults).listByPrefix("date="),
        [],
      );
    });
  }
});

s3Test("an object that another process is just publishing is waited for", async () => {
  await using server = await startS3Server();
  await withFaultyLake(server, async (lake) => {
    const bytes = Uint8Array.of(1, 2, 3), finalPath = "date=2026-11-20/events_a.parquet";
    const other = new S3Storage(lake.direct.bucket, noFaults);
    const stagedPath = await other.stage(stagedPathFor(finalPath), bytes);
    const checksum = createHash("sha256").update(bytes).digest("hex");
    const file = { stagedPath, finalPath, bytes: bytes.length, checksum };
    await other.publish([file]);
    let hidden = 0;
    lake.proxy.faultOf = ({ method }) =>
      method === "HEAD" && hidden++ < 3 ? { kind: "answer", status: 404, code: "" } : null;
    await new S3Storage(lake.bucket, noFaults).publish([file]);
    assert.equal(hidden > 3, true);
    lake.proxy.faultOf = ({ method }) =>
      method === "HEAD" ? { kind: "answer", status: 404, code: "" } : null;
    await assert.rejects(new S3Storage(lake.bucket, noFaults).publish([file]), { exitCode: 3 });
  });
});
