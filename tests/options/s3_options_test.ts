import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { hasFolder, s3AddressOf, type S3Config, s3PlaceOf } from "../../src/options/s3_options.ts";
import { givenSources } from "../given_sources.ts";

const BUCKET = ["--out-dir", "s3://lake/one"];
const BOTH = [...BUCKET, "--checkpoint-dir", "/var/lib/orilla"];

function configOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): S3Config {
  const command = parseCommandLine(["verify", ...args], givenSources({ environment }));
  assert.ok(command.kind === "verify");
  return command.config;
}

function refusalOf(args: readonly string[]): string {
  try {
    configOf(args);
  } catch (error) {
    assert.ok(error instanceof OrillaError && error.exitCode === 2, String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `${args} are taken` });
}

Deno.test("a bucket needs a folder for its checkpoint, and a folder takes no other one", () => {
  assert.match(refusalOf(BUCKET), /without --checkpoint-dir or CHECKPOINT_URL: .* lie in a bucket/);
  assert.match(
    refusalOf(["--out-dir", "/lake", "--checkpoint-dir", "/x"]),
    /has its checkpoint in it/,
  );
  assert.deepEqual(s3PlaceOf(configOf(BOTH)), { bucket: "lake", prefix: "one/" });
  assert.equal(s3PlaceOf(configOf(["--out-dir", "/lake"])), null);
  assert.match(refusalOf(["--out-dir", "s3://lake//one"]), /expected a path, or s3:\/\/BUCKET or/);
});

Deno.test("a bucket whose checkpoint is on a server needs no folder, and may have one", () => {
  const url = { CHECKPOINT_URL: "redis://127.0.0.1" };
  const folders = [BUCKET, BOTH, ["--out-dir", "/lake"]].map((args) =>
    hasFolder(configOf(args, url))
  );
  assert.deepEqual(folders, [false, true, true]);
  assert.ok(!hasFolder(configOf([...BUCKET, "--checkpoint-url-file", "/run/url"])));
});

Deno.test("http:// is taken for this machine alone, unless it is allowed", () => {
  for (const host of ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "127.1.2.3"]) {
    configOf([...BOTH, "--s3-endpoint", `http://${host}`]);
  }
  for (const host of ["store.example", "10.0.0.1:9000", "127.0.0.1.example", "localhost.example"]) {
    const args = [...BOTH, "--s3-endpoint", `http://${host}`];
    assert.match(refusalOf(args), /events would go over the network in clear/);
    configOf([...args, "--s3-allow-http"]);
    configOf([...BOTH, "--s3-endpoint", `https://${host}`]);
  }
  assert.match(
    refusalOf([...BOTH, "--s3-endpoint", "https://a:b@store.example"]),
    /without credentials/,
  );
});

Deno.test("s3AddressOf() says which host the sandbox must let through, and how the bucket is named", () => {
  const addressOf = (outDir: string, ...args: readonly string[]) => {
    const config = configOf(["--out-dir", outDir, "--checkpoint-dir", "/x", ...args]);
    const place = s3PlaceOf(config);
    assert.ok(place !== null);
    const { host, isPathStyle } = s3AddressOf(config, place);
    return `${host} ${isPathStyle ? "path" : "virtual"}`;
  };
  const region = ["--s3-region", "eu-west-1"];
  const store = ["--s3-endpoint", "https://store.example:9000"];
  assert.equal(addressOf("s3://lake", ...region), "lake.s3.eu-west-1.amazonaws.com:443 virtual");
  assert.equal(addressOf("s3://my.lake", ...region), "s3.eu-west-1.amazonaws.com:443 path");
  assert.equal(addressOf("s3://lake", ...store), "store.example:9000 path");
  const virtual = ["--s3-addressing", "virtual"];
  assert.equal(addressOf("s3://lake", ...store, ...virtual), "lake.store.example:9000 virtual");
  assert.equal(addressOf("s3://lake", "--s3-endpoint", "http://localhost"), "localhost:80 path");
});
