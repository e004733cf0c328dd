// A process that appends the versions of an instance to a log, for tests in which several do: OUT_DIR INSTANCE COUNT
import { openLog, versionOf } from "./logs.ts";

const [outDir = "", instanceId = "", count = ""] = Deno.args;
const deltaLog = await openLog(outDir, { checkpointVersions: 7 });
for (let sequence = 1; sequence <= Number(count); sequence++) {
  await deltaLog.append(versionOf(instanceId, sequence));
}
