/**
 * The command line that shows rows of a lake with DuckDB, to be pasted into a shell: the path is quoted for the shell,
 * for SQL and against DuckDB's patterns.
 *
 * @param outDir absolute path
 */
export function duckdbLine(outDir: string): string {
  // Forward slashes do for DuckDB on Windows too.
  const path = /^[A-Za-z]:\\/.test(outDir) ? outDir.replaceAll("\\", "/") : outDir;
  // DuckDB takes a backslash for a separator, whatever quotes it: such a folder cannot be named to it.
  if (path.includes("\\")) return `cd ${shellWord(path)} && ${duckdbOf("date=*/*.parquet")}`;
  const literal = path.replaceAll(/[*?[]/g, "[$&]").replaceAll("'", "''");
  return duckdbOf(`${literal}/date=*/*.parquet`);
}

/**
 * The same for a lake in an object store. DuckDB finds the credentials by itself (its credential chain: the environment,
 * `~/.aws`); they are not in the line.
 *
 * @param location `s3://bucket/prefix`
 * @param endpoint URL of another store than Amazon's
 */
export function duckdbLineOfS3(
  location: string,
  { region, endpoint, isPathStyle }: {
    readonly region: string;
    readonly endpoint?: string;
    readonly isPathStyle?: boolean;
  },
): string {
  const url = endpoint === undefined ? null : new URL(endpoint);
  const settings = [
    "TYPE s3",
    "PROVIDER credential_chain",
    `REGION ${sqlText(region)}`,
    ...(url === null ? [] : [
      `ENDPOINT ${sqlText(url.host)}`,
      `URL_STYLE '${isPathStyle ? "path" : "vhost"}'`,
      `USE_SSL ${url.protocol === "https:"}`,
    ]),
  ];
  return duckdbOf(
    `${location.replaceAll("*", "[*]").replaceAll("'", "''")}/date=*/*.parquet`,
    `CREATE SECRET (${settings.join(", ")}); `,
  );
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function duckdbOf(pattern: string, before = ""): string {
  return `duckdb -c ${shellWord(`${before}SELECT * FROM '${pattern}' LIMIT 5`)}`;
}

/** A text as one word of a POSIX shell; in double quotes where nothing in it means anything there. */
function shellWord(text: string): string {
  return /["$`\\!\p{Cc}]/u.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
