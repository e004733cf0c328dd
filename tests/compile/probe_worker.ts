/// <reference lib="deno.worker" />
import { ALLOWED, ATTEMPTS, outcomes, type ProbeTargets } from "./attempts.ts";

/** Tries, inside the sandbox, what an attacker would try; says for each whether it was refused. */
async function probe(targets: ProbeTargets): Promise<void> {
  const report = {
    attempts: await outcomes(ATTEMPTS, targets),
    allowed: await outcomes(ALLOWED, targets),
  };
  self.postMessage({ kind: "print", text: JSON.stringify(report) });
}

self.onmessage = ({ data }: MessageEvent<ProbeTargets>) => void probe(data);
self.postMessage({ kind: "ready" });
