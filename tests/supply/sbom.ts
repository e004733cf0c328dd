import { Buffer } from "node:buffer";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import project from "../../deno.json" with { type: "json" };
import { type LockedPackage, lockedPackages } from "./locked_packages.ts";

/** The software bill of materials in CycloneDX 1.6, as JSON. The same lock gives the same text. */
export function sbomText(packages: readonly LockedPackage[]): string {
  const orilla = new Models.Component(Enums.ComponentType.Application, "orilla", {
    version: project.version,
    bomRef: "orilla",
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(project.license)]),
  });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: orilla }) });
  const components = new Map(packages.map((locked) => [locked.name, componentOf(locked)]));
  const asked = new Set(packages.flatMap(({ dependencies }) => dependencies));
  for (const { name, dependencies } of packages) {
    const component = components.get(name);
    if (component === undefined) continue;
    bom.components.add(component);
    if (!asked.has(name)) orilla.dependencies.add(component.bomRef);
    for (const dependency of dependencies) {
      const found = components.get(dependency);
      if (found !== undefined) component.dependencies.add(found.bomRef);
    }
  }
  const serializer = new Serialize.JsonSerializer(
    new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6),
  );
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf({ name, version, sha512, isShipped, licence }: LockedPackage) {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const hash = Buffer.from(sha512, "base64").toString("hex");
  return new Models.Component(Enums.ComponentType.Library, name, {
    version,
    bomRef: purl,
    purl,
    scope: isShipped ? Enums.ComponentScope.Required : Enums.ComponentScope.Excluded,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-512"], hash]]),
    licenses: new Models.LicenseRepository(
      licence === null ? [] : [new Models.LicenseExpression(licence)],
    ),
  });
}

/** `deno task sbom`: writes dist/sbom.cdx.json. */
async function main(): Promise<void> {
  const folder = new URL("../../dist/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(new URL("sbom.cdx.json", folder), sbomText(await lockedPackages()));
}

if (import.meta.main) await main();
