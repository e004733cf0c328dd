/** Certificates for tests, made by openssl with the CA that kafka-broker.sh made. */

/** Whether openssl is there. */
export function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A certificate that is to be signed. */
export interface CertificateRequest {
  /** The folder of ca.pem and ca.key. */
  readonly folder: string;
  /** The names it is for, as openssl writes them: `DNS:localhost,IP:127.0.0.1`. */
  readonly names: string;
  /** When it begins and ends to be valid: YYYYMMDDHHMMSSZ. */
  readonly notBefore: string;
  readonly notAfter: string;
}

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Has a certificate signed by the CA of that folder. */
export async function signCertificate(request: CertificateRequest): Promise<Certificate> {
  const { folder, names, notBefore, notAfter } = request;
  const work = await Deno.makeTempDir({ prefix: "orilla_certificate_" });
  try {
    const config = `${work}/ca.cnf`;
    await Deno.writeTextFile(`${work}/index.txt`, "");
    await Deno.writeTextFile(`${work}/names.ext`, `subjectAltName=${names}\n`);
    await Deno.writeTextFile(
      config,
      `[ca]\ndefault_ca=here\n[here]\ndatabase=${work}/index.txt\nnew_certs_dir=${work}\n` +
        "default_md=sha256\nrand_serial=yes\npolicy=any\n[any]\ncommonName=supplied\n",
    );
    await openssl(["req", ...newKey(work), "-out", `${work}/csr.pem`]);
    await openssl([
      ...["ca", "-batch", "-notext", "-config", config, "-extfile", `${work}/names.ext`],
      ...["-cert", `${folder}/ca.pem`, "-keyfile", `${folder}/ca.key`],
      ...["-startdate", notBefore, "-enddate", notAfter],
      ...["-in", `${work}/csr.pem`, "-out", `${work}/certificate.pem`],
    ]);
    return await readPair(work);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A certificate that nobody but itself vouches for. */
export async function selfSignedCertificate(): Promise<Certificate> {
  const work = await Deno.makeTempDir({ prefix: "orilla_certificate_" });
  try {
    await openssl(["req", "-x509", ...newKey(work), "-out", `${work}/certificate.pem`]);
    return await readPair(work);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function newKey(folder: string): readonly string[] {
  return ["-newkey", "rsa:2048", "-nodes", "-keyout", `${folder}/key.pem`, "-subj", "/CN=test"];
}

async function readPair(folder: string): Promise<Certificate> {
  return {
    certificate: await Deno.readTextFile(`${folder}/certificate.pem`),
    key: await Deno.readTextFile(`${folder}/key.pem`),
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...args],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
