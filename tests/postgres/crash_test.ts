import { testSharedCrashMatrix } from "../crash/shared_crash_matrix.ts";
import { onPostgres } from "./cluster.ts";

onPostgres((cluster) =>
  testSharedCrashMatrix({ name: "PostgreSQL", newUrl: () => cluster().url() })
);
