import assert from "node:assert/strict";
import { dirname } from "node:path";
import { noticesText } from "../../build/notices.ts";
import project from "../../deno.json" with { type: "json" };
import { isAllowed } from "./licences.ts";
import { importedNames, lockedPackages } from "./locked_packages.ts";
import { sbomText } from "./sbom.ts";

/** The names of deno.json that are not orilla's own modules. */
const LIBRARIES = Object.entries(project.imports).filter(([name]) => !name.startsWith("orilla/"));

Deno.test("every library of deno.json is imported somewhere", async () => {
  const imported = await importedNames("main.ts", "src", "tests");
  assert.deepEqual(LIBRARIES.filter(([name]) => !imported.has(name)), []);
});

Deno.test("every library is pinned to one version, and the lock is frozen", () => {
  for (const [, specifier] of LIBRARIES) {
    assert.match(specifier, /^npm:\/?(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(\/[\w./-]*)?$/);
  }
  assert.deepEqual(project.lock, { path: "deno.lock", frozen: true });
});

Deno.test("isAllowed() takes expressions that allowed licences meet", () => {
  for (const expression of ["MIT", "MIT OR GPL-3.0-only", "MIT AND ISC", "Apache-2.0 OR MIT"]) {
    assert.ok(isAllowed(expression), expression);
  }
  for (
    const expression of ["GPL-3.0-only", "MIT AND GPL-3.0-only", "", "UNLICENSED", "(MIT)", null]
  ) {
    assert.equal(isAllowed(expression), false, String(expression));
  }
});

Deno.test("noticesText() has each package's own texts, else what its package.json says, else fails", async () => {
  const npmCache = await Deno.makeTempDir({ prefix: "orilla_notices_" });
  const files = {
    "registry/@a/with/1.0.0/LICENSE.md": "Copyright A\n",
    "registry/@a/with/1.0.0/NOTICE": "Noted\n",
    "registry/b/2.0.0/package.json": '{"license":"ISC","author":{"name":"B"}}',
    "registry/c/3.0.0/package.json": "{}",
  };
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${npmCache}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${npmCache}/${path}`, text);
    }
    const [a, b] = [{ name: "@a/with", version: "1.0.0" }, { name: "b", version: "2.0.0" }];
    const text = await noticesText([b, a], npmCache);
    const expected =
      "=== @a/with 1.0.0\n\nCopyright A\n\nNoted\n\n=== b 2.0.0\n\nLicence: ISC\nB\n";
    assert.equal(text, expected);
    const silent = noticesText([{ name: "c", version: "3.0.0" }], npmCache);
    await assert.rejects(silent, /says no licence/);
    await assert.rejects(noticesText([{ ...b, version: "9.0.0" }], npmCache), /not in/);
  } finally {
    await Deno.remove(npmCache, { recursive: true });
  }
});

Deno.test("lockedPackages() knows what orilla ships, and what serves tests alone", async () => {
  const packages = await lockedPackages();
  const lock = await Deno.readTextFile(new URL("../../deno.lock", import.meta.url));
  assert.equal(packages.length, lock.match(/"integrity"/g)?.length);
  const shipped = packages.filter(({ isShipped }) => isShipped).map(({ name }) => name);
  for (const name of ["kafkajs", "zod", "apache-arrow", "flatbuffers"]) {
    assert.ok(shipped.includes(name), name);
  }
  for (const name of ["fast-check", "hyparquet", "@cyclonedx/cyclonedx-library", "pure-rand"]) {
    assert.ok(!shipped.includes(name), name);
  }
});

Deno.test("the SBOM is CycloneDX 1.6 with every locked package, its hash and what it asks for", async () => {
  const packages = await lockedPackages();
  const bom = JSON.parse(sbomText(packages));
  assert.deepEqual([bom.bomFormat, bom.specVersion, bom.version], ["CycloneDX", "1.6", 1]);
  assert.equal(bom.metadata.component.name, "orilla");
  assert.equal(bom.components.length, packages.length);
  const references = new Set<string>(["orilla"]);
  for (const { type, purl, hashes, ...component } of bom.components) {
    assert.equal(type, "library");
    assert.equal(purl, component["bom-ref"]);
    assert.match(purl, /^pkg:npm\/(%40[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/);
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/);
    references.add(purl);
  }
  assert.equal(references.size, packages.length + 1);
  for (const { ref, dependsOn = [] } of bom.dependencies) {
    for (const reference of [ref, ...dependsOn]) assert.ok(references.has(reference), reference);
  }
  assert.equal(sbomText(packages), sbomText(packages));
});
