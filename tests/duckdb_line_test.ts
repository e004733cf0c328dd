import assert from "node:assert/strict";
import { duckdbLine, duckdbLineOfS3 } from "../src/commands/duckdb_line.ts";
import { runProgram, testWith } from "./programs.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

Deno.test("duckdbLine() needs no odd quotes where the path has nothing odd", () => {
  assert.equal(
    duckdbLine("/data/my lake"),
    `duckdb -c "SELECT * FROM '/data/my lake/date=*/*.parquet' LIMIT 5"`,
  );
  assert.equal(
    duckdbLine("C:\\data\\lake"),
    `duckdb -c "SELECT * FROM 'C:/data/lake/date=*/*.parquet' LIMIT 5"`,
  );
});

Deno.test("duckdbLine() doubles single quotes for SQL, and brackets what DuckDB's patterns read", () => {
  assert.equal(
    duckdbLine("/it's [a]*?"),
    `duckdb -c "SELECT * FROM '/it''s [[]a][*][?]/date=*/*.parquet' LIMIT 5"`,
  );
});

Deno.test("duckdbLine() leaves no exclamation mark in double quotes, where a shell at a terminal would read it", () => {
  assert.match(duckdbLine("/wow!x"), /^duckdb -c '/);
});

/** Folder names that a shell, SQL or DuckDB could misread; each was read by DuckDB 1.4 through its line. */
const ODD = [
  ...[
    "with space",
    "it's",
    "do$HOME",
    "ba`id`ck",
    'quo"te',
    "bang!x",
    "star*",
    "quest?",
    "br[a]ck",
  ],
  ...[
    "back\\slash",
    "semi;colon",
    "uñicode",
    "new\nline",
    "{a,b}",
    "~",
    "-dash",
    `both'"`,
    "#hash",
    "a&b|c",
  ],
];

testWith("bash", "duckdbLine() reaches DuckDB as one query, in the right folder", async () => {
  await using folder = await temporaryFolder();
  // Stands for duckdb: shows the folder that it was started in, and what it was given.
  await Deno.writeTextFile(`${folder.path}/duckdb`, `#!/bin/sh\nprintf '%s\\0' "$PWD" "$@"\n`);
  await Deno.chmod(`${folder.path}/duckdb`, 0o755);
  for (const name of ODD) {
    const outDir = `${folder.path}/${name}`;
    await Deno.mkdir(outDir);
    const script = `PATH="${folder.path}:$PATH"; ${duckdbLine(outDir)}`;
    const { code, output } = await runProgram("bash", ["-c", script], { cwd: "/" });
    const [startedIn = "", flag, query = "", rest] = output.split("\0");
    assert.deepEqual([code, flag, rest], [0, "-c", ""], `${name}: ${output}`);
    assert.equal(folderRead(startedIn, query), outDir, name);
  }
});

/** The folder whose files a query reads, as DuckDB takes the text: the literal, then its brackets. */
function folderRead(startedIn: string, query: string): string {
  const [, literal = ""] = /^SELECT \* FROM '((?:[^']|'')*)' LIMIT 5$/s.exec(query) ?? [];
  const pattern = literal.replaceAll("''", "'");
  assert.ok(pattern.endsWith("date=*/*.parquet"), query);
  const folder = pattern.slice(0, -"/date=*/*.parquet".length);
  return pattern.startsWith("date=") ? startedIn : folder.replaceAll(/\[([*?[])\]/g, "$1");
}

Deno.test("duckdbLineOfS3() names the store, and no credentials", () => {
  assert.equal(
    duckdbLineOfS3("s3://lake/one", { region: "eu-west-1" }),
    `duckdb -c "CREATE SECRET (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1'); ` +
      `SELECT * FROM 's3://lake/one/date=*/*.parquet' LIMIT 5"`,
  );
  const store = { region: "r", endpoint: "http://127.0.0.1:9000", isPathStyle: true };
  assert.match(
    duckdbLineOfS3("s3://lake", store),
    /ENDPOINT '127\.0\.0\.1:9000', URL_STYLE 'path', USE_SSL false\)/,
  );
});
