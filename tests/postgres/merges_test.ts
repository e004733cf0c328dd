import { testSharedMerges } from "../crash/shared_merges.ts";
import { onPostgres } from "./cluster.ts";

onPostgres((cluster) => testSharedMerges({ name: "PostgreSQL", newUrl: () => cluster().url() }));
