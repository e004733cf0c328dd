import { finalPathOf, HANDLE_MARK, STAGING_FOLDER } from "../core/lake_path.ts";

/** An upload that is neither completed nor aborted, by paths. */
export interface StagedUpload {
  /** What it becomes when it is completed. */
  readonly path: string;
  readonly uploadId: string;
}

/** What stands before the id of an upload that becomes an object in `_staging/`; ids are percent-encoded. */
const OBJECT_MARK = "object:";

/** Whether a path is one of a staged file. */
export function isStaged(path: string): boolean {
  return path.startsWith(`${STAGING_FOLDER}/`);
}

/** Whether a path is one of a staged file that is an object already. */
export function isStagedObject(path: string): boolean {
  return isStaged(path) && !isUploading(path);
}

/** Whether a path is one of a staged file that is an upload. */
export function isUploading(path: string): boolean {
  return path.includes(HANDLE_MARK);
}

/** The staged path of a file that gets this final one. */
export function stagedPathFor(finalPath: string): string {
  return `${STAGING_FOLDER}/${finalPath.replaceAll("/", "__")}`;
}

/** The staged path of a file that is an upload, from which the upload is found. */
export function uploadPath({ path, uploadId }: StagedUpload): string {
  const id = encodeURIComponent(uploadId);
  return isStaged(path)
    ? `${path}${HANDLE_MARK}${OBJECT_MARK}${id}`
    : `${stagedPathFor(path)}${HANDLE_MARK}${id}`;
}

/** The upload that such a path stands for. */
export function stagedUploadOf(stagedPath: string): StagedUpload {
  const handle = stagedPath.split(HANDLE_MARK)[1] ?? "";
  return handle.startsWith(OBJECT_MARK)
    ? {
      path: withoutHandle(stagedPath),
      uploadId: decodeURIComponent(handle.slice(OBJECT_MARK.length)),
    }
    : { path: finalPathOf(stagedPath), uploadId: decodeURIComponent(handle) };
}

/** A staged path without what its upload is found by. */
export function withoutHandle(stagedPath: string): string {
  return stagedPath.split(HANDLE_MARK, 1)[0] ?? "";
}
