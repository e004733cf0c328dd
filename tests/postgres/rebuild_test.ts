import { testSharedRebuild } from "../crash/shared_rebuild_contract.ts";
import { testSharedRebuildMatrix } from "../crash/shared_rebuild_matrix.ts";
import { testSharedRebuildRefusals } from "../crash/shared_rebuild_refusals.ts";
import { onPostgres } from "./cluster.ts";

onPostgres((cluster) => {
  const kind = { name: "PostgreSQL", newUrl: () => cluster().url() };
  testSharedRebuild(kind);
  testSharedRebuildMatrix(kind);
  testSharedRebuildRefusals(kind);
});
