/** One change to the code that breaks a guarantee, and the tests of which at least one must then fail. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Text that stands in the file once, and what takes its place. */
  readonly changes: readonly (readonly [from: string, to: string])[];
  readonly tests: readonly string[];
}

const CRASHES = ["tests/crash/crash_matrix_test.ts"];
const PIPELINE = ["tests/pipeline_test.ts"];

/** The mistakes that the guarantees of DESIGN.md, section 2, would not survive. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "staged files are not synced before the commit",
    file: "src/runtime/growing_file.ts",
    changes: [[
      "    await operate(this.#hooks, operation, () => this.#file.sync());\n",
      "",
    ]],
    tests: CRASHES,
  },
  {
    name: "the names of staged files are not synced before the commit",
    file: "src/lake/staging.ts",
    changes: [[
      "  if (staged.length > 0) await storage.syncStaged();\n",
      "",
    ]],
    tests: CRASHES,
  },
  {
    name: "staged names go before the final ones are durable",
    file: "src/lake/publishing.ts",
    changes: [[
      `    await files.link(file.stagedPath, file.finalPath, "publish:link");\n`,
      `    await files.link(file.stagedPath, file.finalPath, "publish:link");\n` +
      `    await files.remove(file.stagedPath, "publish:unlink");\n`,
    ]],
    tests: CRASHES,
  },
  {
    name: "event ids are marked as seen before their commit",
    file: "src/checkpoint/checkpoint.ts",
    changes: [
      [
        `    this.#changeSeenIds("commit", () => this.#write(commit, takingIn));\n`,
        `    const add = () => this.#seenIds.add(commit.freshHashes, commit.committedAtMs);\n` +
        `    this.#changeSeenIds("merge", add);\n` +
        `    this.#changeSeenIds("commit", () => this.#write(commit, takingIn));\n`,
      ],
      [
        "    return this.#seenIds.add(commit.freshHashes, commit.committedAtMs);\n",
        "    return { idCount: 0, apply: () => {} };\n",
      ],
    ],
    tests: CRASHES,
  },
  {
    name: "the group's offsets are written before the commit",
    file: "src/pipeline/commit.ts",
    changes: [
      ["  await request.group?.acknowledge(ranges, request.sequence);\n", ""],
      [
        "  const counters = withFiles(",
        "  await request.group?.acknowledge(plan.commit.ranges, plan.commit.sequence);\n" +
        "  const counters = withFiles(",
      ],
    ],
    tests: PIPELINE,
  },
  {
    name: "a batch is committed before the one before it is published",
    file: "src/pipeline/pipeline.ts",
    changes: [["    await this.#chain.finished();\n    if (epoch", "    if (epoch"]],
    tests: ["tests/pipeline_ahead_test.ts"],
  },
  {
    name: "ids of the batch that is being committed are not looked for in the next one",
    file: "src/pipeline/pipeline.ts",
    changes: [["          this.#ahead.noteCommitted(freshHashes);\n", ""]],
    tests: ["tests/pipeline_ahead_test.ts"],
  },
  {
    // Recovery reads such a commit back, so that a crash alone does not show it; readers would.
    name: "files get their final names before the commit",
    file: "src/pipeline/commit.ts",
    changes: [[
      "  const counters = withFiles(",
      "  await files.publish(staged);\n  const counters = withFiles(",
    ]],
    tests: PIPELINE,
  },
  {
    name: "the assignment is not confirmed before the commit",
    file: "src/pipeline/commit.ts",
    changes: [['    if (!await request.confirm()) return "not_confirmed";\n', ""]],
    tests: PIPELINE,
  },
  {
    name: "reading begins at the smaller of the two offsets",
    file: "src/kafka/positions.ts",
    changes: [[
      "if (group.offset <= checkpoint) return checkpoint;",
      "if (group.offset <= checkpoint) return group.offset;",
    ]],
    tests: ["tests/start_offset_test.ts"],
  },
  {
    name:
      "a partition has several requests under way, which overtake each other when one is tried again",
    file: "src/kafka/delivery.ts",
    changes: [["    if (!lane.isActive) void this.#run(lane);", "    void this.#run(lane);"]],
    tests: ["tests/delivery_test.ts"],
  },
  {
    name: "what is left of a delivery is sent after a failure",
    file: "src/kafka/delivery.ts",
    changes: [[
      "    while (this.#failure === null) {\n      const batch",
      "    while (true) {\n      const batch",
    ]],
    tests: ["tests/delivery_test.ts"],
  },
  {
    name: "a merge leaves one of its sources in the manifest",
    file: "src/checkpoint/replaced_files.ts",
    changes: [
      [
        "        this.#forget.run(known.sequence, path);\n",
        "        if (path !== paths[0]) this.#forget.run(known.sequence, path);\n",
      ],
    ],
    tests: ["tests/crash/compaction_crash_test.ts"],
  },
  {
    name: "a merge in a table does not take its sources out of it",
    file: "src/core/delta_version.ts",
    changes: [["      ...removed,\n    ],\n    commit,\n", "    ],\n    commit,\n"]],
    tests: ["tests/delta/compaction_table_test.ts"],
  },
  {
    name: "a store that is made anew gives numbers again that files of the lake have",
    file: "src/pipeline/rebuild_store.ts",
    changes: [[
      "lastSequence: all.reduce((last, { sequence }) => Math.max(last, sequence), 0),",
      "lastSequence: 1,",
    ]],
    tests: ["tests/redis/redis_rebuild_test.ts"],
  },
  {
    name: "a store that is made anew does not know the ids of merged files",
    file: "src/pipeline/rebuild_store.ts",
    changes: [["  await patiently(filling, () => rebuild.adoptIds(runs));\n", ""]],
    tests: ["tests/redis/redis_rebuild_test.ts"],
  },
  {
    name: "offsets that left no file in a store that is made anew are not read again",
    file: "src/kafka/positions.ts",
    changes: [["if (writer !== null && rebuiltInstanceIds.length > 0) {", "if (allowsGaps) {"]],
    tests: ["tests/start_offset_test.ts"],
  },
];

/**
 * The text of the mutation's file with its changes made.
 *
 * @throws Error where what is to be changed does not stand there exactly once
 */
export function mutated(text: string, { name, file, changes }: Mutation): string {
  return changes.reduce((before, [from, to]) => {
    const parts = before.split(from);
    if (parts.length === 2) return parts.join(to);
    throw new Error(`${name}: expected once in ${file}, found ${parts.length - 1} times:\n${from}`);
  }, text);
}
