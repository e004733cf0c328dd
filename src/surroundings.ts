import type { GivenFile, Surroundings } from "./commands/context.ts";
import { type Config, flagOf } from "./config.ts";
import { modeOfFile } from "./runtime/file_mode.ts";
import { freeSpaceAt } from "./runtime/free_space.ts";

/** The options that name files, and whether what is in them is a secret. */
const FILE_OPTIONS = {
  encryptionKeyFile: true,
  sslKeyFile: true,
  saslPasswordFile: true,
  oauthClientSecretFile: true,
  checkpointUrlFile: true,
  s3CredentialsFile: true,
  configFile: false,
  sslCaFile: false,
  sslCertificateFile: false,
  checkpointCaFile: false,
} as const;

/**
 * Looks at what doctor judges and the sandbox keeps out of sight: the modes of the files that options name,
 * and the room on the disk. The files were read before, so they are there.
 *
 * @param outDir as `findFolder` resolved it
 */
export async function lookAround(config: Config, outDir: string | null): Promise<Surroundings> {
  const files: GivenFile[] = [];
  for (const key of Object.keys(FILE_OPTIONS).filter(isFileOption)) {
    const path = config[key];
    if (path === null) continue;
    const mode = Deno.build.os === "windows" ? null : await modeOfFile(path);
    files.push({ flag: flagOf(key), path, isSecret: FILE_OPTIONS[key], mode });
  }
  return { space: outDir === null ? null : await freeSpaceAt(outDir), files };
}

function isFileOption(key: string): key is keyof typeof FILE_OPTIONS {
  return Object.hasOwn(FILE_OPTIONS, key);
}
