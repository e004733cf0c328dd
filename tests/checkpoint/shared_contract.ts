import assert from "node:assert/strict";
import { zeroCounters } from "../../src/core/counters.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { manifestFile, rangeOf } from "./commits.ts";
import { AT, claimAndCommit, contentOf, nextCommit, seenOf, type StoreKind } from "./store_lake.ts";

const GROUP = "shop";

/** Holds a kind of store that several processes share against what each of them promises beyond `testContract`. */
export function testSharedContract({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: each process is an instance of its own, with counters of its own`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    assert.ok(one.isShared);
    assert.notEqual(one.instanceId, two.instanceId);
    assert.deepEqual(one.idKey, two.idKey);
    const counters = (published: number) => ({ ...zeroCounters(), received: published, published });
    const first = await nextCommit(one, { ranges: [rangeOf(0n, 5n)], counters: counters(5) });
    await claimAndCommit(one, first);
    const ranges = [rangeOf(0n, 2n, { partition: 1 })];
    const second = await nextCommit(two, { ranges, counters: counters(2) });
    await claimAndCommit(two, second);
    assert.equal((await one.read()).counters.published, 5);
    assert.equal((await two.read()).counters.published, 2);
    const { committed, instanceIds } = await contentOf(lake);
    assert.equal(committed.counters.published, 7);
    assert.equal(committed.sequence, second.sequence);
    assert.deepEqual(instanceIds.toSorted(), [one.instanceId, two.instanceId].sort());
    await using three = await lake.open();
    assert.deepEqual((await three.read()).counters, zeroCounters());
    assert.equal((await three.read()).partitions.length, 2);
  });

  Deno.test(`${name}: fractions that processes have counted add up when these end`, async () => {
    await using lake = await newLake();
    for (const sum of [1.5, 2, 0.25, 3]) {
      await using store = await lake.open();
      const counters = zeroCounters();
      counters.eventAge.sum = sum;
      assert.equal(await store.commit(await nextCommit(store, { counters })), "committed");
      await store.leave();
    }
    assert.equal((await contentOf(lake)).committed.counters.eventAge.sum, 6.75);
  });

  Deno.test(`${name}: no two processes get the same number`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    const numbers: number[] = [];
    for (let i = 0; i < 20; i++) {
      numbers.push(...await Promise.all([one.reserve(), two.reserve(), one.reserve()]));
    }
    assert.equal(new Set(numbers).size, numbers.length);
  });

  Deno.test(`${name}: who claimed a partition last has it, and knows where it stands`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    await claimAndCommit(one, await nextCommit(one, { ranges: [rangeOf(0n, 5n)] }));
    const zombie = await nextCommit(one, {
      ranges: [rangeOf(0n, 1n, { partition: 1 }), rangeOf(5n, 8n)],
      freshIds: ["a"],
      files: [manifestFile("zombie")],
    });
    await one.claim(zombie.ranges, null);
    const [state] = await two.claim([AT], null) ?? [];
    assert.equal(state?.nextOffset, 5n);
    const before = await contentOf(lake);
    assert.equal(await one.commit(zombie), "fenced");
    assert.deepEqual(await contentOf(lake), before);
    assert.deepEqual(await seenOf(one, ["a"]), []);
    assert.equal(await two.commit({ ...zombie, sequence: await two.reserve() }), "fenced");
    const ranges = [rangeOf(5n, 8n)];
    assert.equal(await two.commit(await nextCommit(two, { ranges, freshIds: ["a"] })), "committed");
    const again = await one.claim([AT], null) ?? [];
    assert.equal(again[0]?.nextOffset, 8n);
    assert.equal(await two.commit(await nextCommit(two, { ranges: [rangeOf(8n, 9n)] })), "fenced");
  });

  Deno.test(`${name}: a commit without a claim, or below the next offset, is fenced`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    assert.equal(
      await store.commit(await nextCommit(store, { ranges: [rangeOf(0n, 5n)] })),
      "fenced",
    );
    await claimAndCommit(store, await nextCommit(store, { ranges: [rangeOf(0n, 5n)] }));
    const ranges = [rangeOf(3n, 8n)];
    const below = await nextCommit(store, { ranges, freshIds: ["a"] });
    assert.equal(await store.commit(below), "fenced");
    assert.deepEqual(await seenOf(store, ["a"]), []);
  });

  Deno.test(`${name}: an earlier generation does not claim from a later one`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    const of = (generation: number, groupId = GROUP) => ({ groupId, generation });
    assert.notEqual(await one.claim([AT], of(6)), null);
    assert.equal(await two.claim([{ ...AT, partition: 1 }, AT], of(5)), null);
    assert.equal(
      await one.commit(await nextCommit(one, { ranges: [rangeOf(0n, 1n)] })),
      "committed",
    );
    const other = await nextCommit(two, { ranges: [rangeOf(0n, 1n, { partition: 1 })] });
    assert.equal(await two.commit(other), "fenced");
    assert.notEqual(await two.claim([AT], of(7)), null);
    assert.equal(await one.claim([AT], of(6)), null);
    assert.notEqual(await one.claim([AT], of(1, "another")), null);
  });

  Deno.test(`${name}: generations begin anew where nobody is left of the group`, async () => {
    await using lake = await newLake();
    {
      await using one = await lake.open();
      await one.claim([AT], { groupId: GROUP, generation: 60 });
      await one.leave();
    }
    await using two = await lake.open();
    assert.notEqual(await two.claim([AT], { groupId: GROUP, generation: 1 }), null);
  });

  Deno.test(`${name}: generations begin anew where the last one gives no sign of life any more`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await one.claim([AT], { groupId: GROUP, generation: 60 });
    await using two = await lake.open({ expelAfterMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.notEqual(await two.claim([AT], { groupId: GROUP, generation: 1 }), null);
    const late = await nextCommit(one, { ranges: [rangeOf(0n, 5n)] });
    assert.equal(await one.commit(late), "fenced");
  });

  Deno.test(`${name}: of two commits of one id at the same time one is refused`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    for (let round = 0; round < 10; round++) {
      const at = BigInt(round * 10);
      const ids = Array.from({ length: 200 }, (_, i) => `r${round}-${i}`);
      const [ofOne, ofTwo] = [ids, ["own" + round, ...ids.slice(100).reverse()]];
      const first = await nextCommit(one, { ranges: [rangeOf(at, at + 5n)], freshIds: ofOne });
      const ranges = [rangeOf(at, at + 5n, { partition: 1 })];
      const second = await nextCommit(two, { ranges, freshIds: ofTwo });
      await one.claim(first.ranges, null);
      await two.claim(second.ranges, null);
      const outcomes = await Promise.all([one.commit(first), two.commit(second)]);
      assert.deepEqual(outcomes.toSorted(), ["committed", "seen_meanwhile"], `round ${round}`);
      const [loser, idsOfLoser] = outcomes[0] === "committed" ? [two, ofTwo] : [one, ofOne];
      // Whoever lost knows the others' as seen now, and its own as not.
      const seen = await seenOf(loser, idsOfLoser);
      assert.equal(seen.length, 100, `round ${round}`);
      const fresh = idsOfLoser.filter((id) => !seen.includes(id));
      const rest = { ranges: loser === two ? second.ranges : first.ranges, freshIds: fresh };
      assert.equal(await loser.commit(await nextCommit(loser, rest)), "committed");
    }
    const { seenIdCount, seenIdCounter } = await contentOf(lake);
    assert.deepEqual([seenIdCount, seenIdCounter], [2_010, 2_010]);
  });

  Deno.test(`${name}: a commit whose answer was lost is not made twice`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using store = await lake.open({ hooks });
    const counters = { ...zeroCounters(), received: 5, published: 5 };
    const parts = { ranges: [rangeOf(0n, 5n)], freshIds: ["a"], files: [manifestFile("f")] };
    const commit = await nextCommit(store, { ...parts, counters });
    await store.claim([AT], null);
    hooks.failAfter = "commit:end";
    await assert.rejects(store.commit(commit), InjectedFailure);
    const before = await contentOf(lake);
    assert.equal(before.committed.counters.published, 5);
    assert.equal(await store.commit(commit), "committed");
    assert.deepEqual(await contentOf(lake), before);
    assert.equal(store.seenIdCount, 1);
  });

  Deno.test(`${name}: an id that was fresh when asked for, and committed by another since, is refused`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    assert.deepEqual(await seenOf(one, ["a", "b", "c"]), []);
    assert.equal(await two.commit(await nextCommit(two, { freshIds: ["b"] })), "committed");
    const late = await nextCommit(one, { freshIds: ["a", "b", "c"] });
    assert.equal(await one.commit(late), "seen_meanwhile");
    assert.deepEqual(await seenOf(one, ["a", "b", "c"]), ["b"]);
    assert.equal(await one.commit(await nextCommit(one, { freshIds: ["a", "c"] })), "committed");
    // Not asked for since.
    const again = await nextCommit(one, { freshIds: ["c", "d"] });
    assert.equal(await one.commit(again), "seen_meanwhile");
  });

  Deno.test(`${name}: ids may be asked for while a commit is under way, and another's are refused all the same`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    const both = ["a", "b"], next = ["b", "c", "d"];
    assert.deepEqual(await seenOf(one, both), []);
    const commit = await nextCommit(one, { freshIds: both });
    const [outcome, seen] = await Promise.all([one.commit(commit), seenOf(one, next)]);
    assert.equal(outcome, "committed");
    assert.ok(
      ["", "b"].includes(seen.join()),
      "an id of the commit under way counts, or does not yet",
    );
    assert.equal(await one.commit(await nextCommit(one, { freshIds: ["c", "d"] })), "committed");
    // Asked for while a commit is under way, then committed by another.
    const [, fresh] = await Promise.all([
      one.commit(await nextCommit(one, { freshIds: ["e"] })),
      seenOf(one, ["f", "g"]),
    ]);
    assert.deepEqual(fresh, []);
    assert.equal(await two.commit(await nextCommit(two, { freshIds: ["g"] })), "committed");
    const late = await nextCommit(one, { freshIds: ["f", "g"] });
    assert.equal(await one.commit(late), "seen_meanwhile");
  });

  Deno.test(`${name}: whether a commit was made is known once it is withdrawn`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using store = await lake.open({ hooks });
    await store.claim([AT], null);
    const made = await nextCommit(store, { ranges: [rangeOf(0n, 5n)], freshIds: ["a"] });
    hooks.failAfter = "commit:end";
    await assert.rejects(store.commit(made), InjectedFailure);
    assert.equal(await store.withdraw(made.sequence), true);
    const failed = await nextCommit(store, { ranges: [rangeOf(5n, 8n)], freshIds: ["b"] });
    hooks.failBefore = "commit:end";
    await assert.rejects(store.commit(failed), InjectedFailure);
    assert.equal(await store.withdraw(failed.sequence), false);
    assert.deepEqual(await seenOf(store, ["a", "b"]), ["a"]);
    const next = await nextCommit(store, { ranges: [rangeOf(5n, 9n)], freshIds: ["b"] });
    assert.equal(await store.commit(next), "committed");
    assert.equal((await contentOf(lake)).commits.length, 2);
  });

  Deno.test(`${name}: which commits it does not know is found out`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    const ofOne = await nextCommit(one), ofTwo = await nextCommit(two);
    const reserved = await two.reserve();
    assert.equal(await two.commit(ofTwo), "committed");
    assert.equal(await one.commit(ofOne), "committed");
    const known = [
      { instanceId: one.instanceId, sequence: ofOne.sequence },
      { instanceId: two.instanceId, sequence: ofTwo.sequence },
    ];
    assert.deepEqual(await one.unknownAmong(known), []);
    const lost = { instanceId: two.instanceId, sequence: reserved };
    assert.deepEqual(await one.unknownAmong([...known, lost]), [lost]);
    // The number was given twice, since the first time was forgotten.
    const other = { instanceId: "ffffffffffff", sequence: ofTwo.sequence };
    assert.ok((await one.unknownAmong([...known, other])).some((name) =>
      name === other ||
      name.instanceId === other.instanceId
    ));
  });

  Deno.test(`${name}: what another process did not publish is known to all`, async () => {
    await using lake = await newLake();
    await using two = await lake.open();
    let sequence: number, instanceId: string;
    {
      await using one = await lake.open();
      const commit = await nextCommit(one, { files: [manifestFile("left")] });
      await claimAndCommit(one, commit);
      ({ sequence } = commit);
      ({ instanceId } = one);
    }
    // A later commit of another process says nothing of it.
    await claimAndCommit(two, await nextCommit(two, { ranges: [rangeOf(0n, 5n)] }));
    const expected = [{ sequence, instanceId, files: [manifestFile("left")] }];
    assert.deepEqual((await two.unpublished()).filter(({ files }) => files.length > 0), expected);
    await two.markPublished([sequence]);
    assert.deepEqual((await two.unpublished()).filter(({ files }) => files.length > 0), []);
  });

  Deno.test(`${name}: what was staged by a process that ended may go, and it is expelled for good`, async () => {
    await using lake = await newLake();
    await using living = await lake.open();
    await using silent = await lake.open();
    await using left = await lake.open();
    await left.leave();
    await silent.claim([AT], null);
    const staged = [living, silent, left].map(({ instanceId }) => instanceId);
    {
      await using patient = await lake.open({ expelAfterMs: 3_600_000 });
      const ended = await patient.endedInstances([...staged, "ffffffffffff"]);
      assert.deepEqual([...ended], [left.instanceId]);
    }
    await using impatient = await lake.open({ expelAfterMs: 0 });
    const ended = await impatient.endedInstances([silent.instanceId, impatient.instanceId]);
    assert.deepEqual([...ended], [silent.instanceId]);
    const ranges = [rangeOf(0n, 5n)];
    assert.equal(await silent.commit(await nextCommit(silent, { ranges })), "fenced");
    await assert.rejects(silent.claim([AT], null), { exitCode: 1 });
    await claimAndCommit(living, await nextCommit(living, { ranges }));
  });

  Deno.test(`${name}: it is written to while a process has it open`, async () => {
    await using lake = await newLake();
    await using reader = await lake.reader();
    await using one = await lake.open();
    await using two = await lake.open();
    await one.leave();
    assert.equal(await reader.isWriting(), true);
    await two.leave();
    assert.equal(await reader.isWriting(), false);
  });
}
