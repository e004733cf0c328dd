import { copyObjects } from "../s3/bucket_lake.ts";
import { bucketAt, CREDENTIALS_ENV, startS3Server } from "../s3/s3_server.ts";

/** Where the lake of a soak lies. */
export type LakePlace = "folder" | "bucket";

/** The lake of a soak. */
export interface SoakLake extends AsyncDisposable {
  readonly outDir: string;
  /** Flags that every command on it has beside --out-dir. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A folder with the lake's files, as they are now. */
  filesFolder(): Promise<string>;
}

/**
 * Makes an empty lake: below a folder, or in a bucket of an S3 server that is started for it, whose objects the folder
 * gets when they are asked for.
 *
 * @param isShared whether its checkpoint is on a server, so that a bucket needs no CHECKPOINT_DIR
 */
export async function openSoakLake(
  place: LakePlace,
  { folder, isShared }: { readonly folder: string; readonly isShared: boolean },
): Promise<SoakLake> {
  const files = `${folder}/lake`;
  if (place === "folder") {
    return {
      ...{ outDir: files, args: [], env: {} },
      filesFolder: () => Promise.resolve(files),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const server = await startS3Server();
  const { endpoint } = server;
  const bucket = await server.newBucket();
  const objects = bucketAt({ endpoint, place: { bucket, prefix: "lake/" } });
  return {
    outDir: `s3://${bucket}/lake`,
    args: [
      ...["--s3-endpoint", endpoint],
      ...isShared ? [] : ["--checkpoint-dir", `${folder}/checkpoint`],
    ],
    env: CREDENTIALS_ENV,
    filesFolder: async () => {
      await copyObjects(objects, files);
      return files;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
