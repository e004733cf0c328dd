import assert from "node:assert/strict";
import { readDeadLetters, readLake, strayFiles } from "./lake_reader.ts";
import { runOrilla, spawnOrilla } from "./orilla_process.ts";

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_modes_" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("simulate publishes what it generates, and a second run finds all of it as duplicates", async () => {
  await withFolder(async (cwd) => {
    const args = [
      "simulate",
      "--count",
      "3000",
      "--days",
      "3",
      "--invalid-ratio",
      "0.05",
      "--unknown-field-ratio",
      "0.1",
    ];
    const first = await runOrilla(args, { cwd });
    assert.equal(first.code, 0, first.stderr);
    const outDir = `${cwd}/datasets/processed/pi2`;
    const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
    assert.equal(rows.length + letters.length, 3000);
    assert.ok(letters.length > 80 && rows.filter(({ extra }) => extra !== null).length > 200);
    assert.equal(new Set(rows.map(({ date }) => date)).size, 3);
    assert.deepEqual(await strayFiles(outDir), []);
    assert.match(first.stdout, new RegExp(`published  ${rows.length.toLocaleString("en-US")} `));
    assert.match(first.stdout, /usuario_id_not_integer +\d+/);
    const metrics = await Deno.readTextFile(`${outDir}/metrics.txt`);
    assert.match(metrics, /^orilla_disk_free_bytes [1-9]\d+$/m, "the sandbox may ask for it");

    const second = await runOrilla(args, { cwd });
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /published +0\n/);
    assert.match(second.stdout, /All valid events were duplicates, and that is right/);
    assert.equal((await readLake(outDir)).length, rows.length);
  });
});

Deno.test("simulate makes the same events for the same seed and start", async () => {
  await withFolder(async (cwd) => {
    const ids: string[][] = [];
    for (const outDir of ["a", "b"]) {
      const result = await runOrilla([
        ...["simulate", "--count", "500", "--seed", "7", "--event-id", "uuid", "--out-dir", outDir],
        ...["--start", "2026-11-24T10:00:00Z", "--duplicate-ratio", "0.1"],
      ], { cwd });
      assert.equal(result.code, 0, result.stderr);
      const rows = await readLake(`${cwd}/${outDir}`);
      ids.push(rows.map((row) => [row.event_id, row.ts, row.usuario_id, row.monto].join()).sort());
    }
    assert.deepEqual(ids[0], ids[1]);
    assert.ok((ids[0]?.length ?? 0) < 480, "there were duplicates");
  });
});

Deno.test("a second process on one OUT_DIR is refused, and the first goes on", async () => {
  await withFolder(async (cwd) => {
    await using first = spawnOrilla(
      [
        "simulate",
        "--count",
        "100000",
        "--rate",
        "2000",
        "--out-dir",
        "lake",
        "--batch-max-latency-ms",
        "200",
      ],
      { cwd },
    );
    await first.untilStderr(/committed/);
    const second = await runOrilla(["simulate", "--out-dir", "lake"], { cwd });
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /Another orilla is writing to .*lake\. Stop it first, or choose another --out-dir/,
    );
    first.kill("SIGTERM");
    const { code, stdout } = await first.result;
    assert.equal(code, 0);
    assert.match(stdout, /Stopped by a signal/);
  });
});

Deno.test("simulate drains at SIGTERM, and what it says is what the lake holds", async () => {
  await withFolder(async (cwd) => {
    await using orilla = spawnOrilla([
      "simulate",
      "--count",
      "1000000",
      "--rate",
      "20000",
      "--out-dir",
      "lake",
    ], { cwd });
    await orilla.untilStderr(/committed/);
    orilla.kill("SIGTERM");
    const { code, stdout } = await orilla.result;
    assert.equal(code, 0);
    const published = Number(/published +([\d,]+)/.exec(stdout)?.[1]?.replaceAll(",", ""));
    assert.equal((await readLake(`${cwd}/lake`)).length, published);
    const again = await runOrilla(["verify", "--out-dir", "lake"], { cwd });
    assert.equal(again.code, 0, again.stdout);
  });
});

Deno.test("kill -9 at every stage of simulate, started again each time, ends in an exact lake", async () => {
  await withFolder(async (cwd) => {
    const args = [
      "simulate",
      "--count",
      "2000",
      "--days",
      "2",
      "--invalid-ratio",
      "0.02",
      "--out-dir",
      "lake",
      "--start",
      "2026-11-24T10:00:00Z",
    ];
    const faults = [
      "stage:write=torn",
      "stage:fsync:2=crash",
      "commit:begin=crash",
      "commit:end=crash",
      "publish:link:2=crash",
      "publish:fsync=crash",
      "publish:unlink=crash",
      "metrics:rename=torn",
    ];
    for (const fault of faults) {
      const { code, stderr } = await runOrilla([
        ...args,
        "--batch-max-events",
        "700",
        "--fault",
        fault,
      ], { cwd });
      assert.ok(code === 137 || fault.startsWith("metrics"), `${fault}: ${stderr}`);
    }
    assert.equal((await runOrilla(args, { cwd })).code, 0);
    const rows = await readLake(`${cwd}/lake`);
    assert.equal(new Set(rows.map(({ event_id }) => event_id)).size, rows.length);
    const clean = await runOrilla(
      [...args, "--out-dir", "clean"].filter((_, i) => i !== 7 && i !== 8),
      { cwd },
    );
    assert.equal(clean.code, 0, clean.stderr);
    const ids = (await readLake(`${cwd}/clean`)).map(({ event_id }) => event_id).sort();
    assert.deepEqual(rows.map(({ event_id }) => event_id).sort(), ids);
    const verified = await runOrilla(["verify", "--out-dir", "lake"], { cwd });
    assert.equal(verified.code, 0, verified.stdout);
  });
});

Deno.test("wrong arguments are exit 2, and say what is accepted", async () => {
  const { code, stderr } = await runOrilla(["simulate", "--batch-max-events", "abc"]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /Cannot read --batch-max-events: expected an integer from 1 to 1000000, got "abc"/,
  );
});

Deno.test("an OUT_DIR that cannot be used is exit 2", async () => {
  await withFolder(async (cwd) => {
    await Deno.writeTextFile(`${cwd}/file`, "");
    const { code, stderr } = await runOrilla(["simulate", "--out-dir", "file"], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /Cannot use --out-dir file: expected a folder/);
  });
});

Deno.test("a producer without a broker says what was tried, and two ways out", async () => {
  const { code, stderr } = await runOrilla(["producer", "--bootstrap-servers", "127.0.0.1:9"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /No Kafka broker answered at 127\.0\.0\.1:9 .*Either start one .*or run without a Kafka: orilla simulate/,
  );
});
