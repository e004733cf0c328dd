/** An authority's certificate, and one that it has signed, with its key; paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * Makes an authority, and a server's certificate that it signs, with elliptic curves: openssl is fast at them.
 *
 * @param run runs a program to its end, as the user whom the files are to belong to
 * @param options.folder where to; it must exist
 * @param options.name whose certificate it is: `IP:127.0.0.1,DNS:db.example`
 */
export async function makeCertificates(
  run: (program: string, args: readonly string[]) => Promise<unknown>,
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<Certificates> {
  const authority = `${folder}/ca.crt`, authorityKey = `${folder}/ca.key`;
  const certificate = `${folder}/server.crt`, key = `${folder}/server.key`;
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=authority"],
    ...["-keyout", authorityKey, "-out", authority],
  ]);
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=server"],
    ...["-addext", `subjectAltName=${name}`, "-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-CA", authority, "-CAkey", authorityKey, "-keyout", key, "-out", certificate],
  ]);
  return { authority, certificate, key };
}
