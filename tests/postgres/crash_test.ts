import { testSharedCompactionMatrix } from "../crash/shared_compaction_matrix.ts";
import { testSharedCrashMatrix } from "../crash/shared_crash_matrix.ts";
import { onPostgres } from "./cluster.ts";

onPostgres((cluster) => {
  const kind = { name: "PostgreSQL", newUrl: () => cluster().url() };
  testSharedCrashMatrix(kind);
  testSharedCompactionMatrix(kind);
});
