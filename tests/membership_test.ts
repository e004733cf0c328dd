import assert from "node:assert/strict";
import { Kafka, logLevel } from "kafkajs";
import { Assignment } from "../src/kafka/assignment.ts";
import { JoinGate } from "../src/kafka/join_gate.ts";
import { Membership } from "../src/kafka/membership.ts";
import { soon } from "./pipeline_parts.ts";

const SESSION_MS = 200;

function silentLog() {
  const silent = () => {};
  return { debug: silent, info: silent, warning: silent, error: silent };
}

/** A membership of a consumer that never connects. */
function membershipWith(heartbeat: (gate: JoinGate) => Promise<void>): Membership {
  const gate = new JoinGate();
  const kafka = new Kafka({ brokers: ["127.0.0.1:1"], logLevel: logLevel.NOTHING });
  const membership = new Membership({
    consumer: kafka.consumer({ groupId: "group" }),
    gate,
    sessionTimeoutMs: SESSION_MS,
    instanceId: "0123456789ab",
    log: silentLog(),
    retrying: {
      policy: { attempts: 5, baseMs: 1, capMs: 2, budgetMs: 1_000 },
      clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
      random: () => 0.5,
      sleep: () => Promise.resolve(),
      onRetry: () => {},
    },
  });
  membership.heartbeat = () => heartbeat(gate);
  return membership;
}

Deno.test("confirm() ends an assignment whose member kafkajs has given up: no heartbeat is sent any more", async () => {
  const assignment = new Assignment([0], 1);
  // As kafkajs's own after UNKNOWN_MEMBER_ID, while its JoinGroup waits for the commit that asks here.
  const membership = membershipWith(() => Promise.resolve());
  assert.equal(await soon(membership.confirm(assignment)), false);
  assert.equal(assignment.isCurrent, false);
});

Deno.test("confirm() waits for as long as heartbeats are sent, however late they are answered", async () => {
  const assignment = new Assignment([0], 1);
  const startMs = performance.now();
  const membership = membershipWith((gate) => {
    gate.onRenewing();
    if (performance.now() - startMs > 3 * SESSION_MS) assignment.end();
    return Promise.resolve();
  });
  assert.equal(await soon(membership.confirm(assignment)), false);
  assert.ok(performance.now() - startMs > 3 * SESSION_MS);
});
