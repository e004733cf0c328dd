/** The mode bits of everything below a folder, and of the folder itself as ".". */
export async function modesBelow(root: string): Promise<Map<string, string>> {
  const modes = new Map<string, string>();
  const visit = async (path: string) => {
    const { mode, isDirectory } = await Deno.lstat(`${root}/${path}`);
    modes.set(path, ((mode ?? 0) & 0o777).toString(8));
    if (!isDirectory) return;
    for await (const { name } of Deno.readDir(`${root}/${path}`)) await visit(`${path}/${name}`);
  };
  await visit(".");
  return modes;
}

/** Paths of a kind whose mode is another one, with that mode. */
export function otherModes(
  modes: ReadonlyMap<string, string>,
  { file, folder }: { readonly file: string; readonly folder: string },
): string[] {
  const isFile = (path: string) =>
    /\.(parquet|sqlite|sqlite-wal|sqlite-shm|lock|txt|new)$/.test(path);
  return [...modes]
    .filter(([path, mode]) => mode !== (isFile(path) ? file : folder))
    .map(([path, mode]) => `${path} ${mode}`);
}
