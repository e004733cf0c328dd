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

function duckdbOf(pattern: string): string {
  return `duckdb -c ${shellWord(`SELECT * FROM '${pattern}' LIMIT 5`)}`;
}

/** A text as one word of a POSIX shell; in double quotes where nothing in it means anything there. */
function shellWord(text: string): string {
  return /["$`\\!\p{Cc}]/u.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
