import type {
  Action,
  AddFile,
  AppTransaction,
  RemoveFile,
  TableMetaData,
  TableProtocol,
} from "./delta_actions.ts";

/** A table as of a version of its log: what is left of all actions up to it (PROTOCOL.md, "Action Reconciliation"). */
export class DeltaSnapshot {
  protocol: TableProtocol | null = null;
  metaData: TableMetaData | null = null;
  /** By appId. */
  readonly transactions = new Map<string, AppTransaction>();
  /** By path. */
  readonly files = new Map<string, AddFile>();
  /** By path; they keep programs that clean up from taking files of the table for leftovers, and the other way round. */
  readonly removed = new Map<string, RemoveFile>();

  /** Takes in the actions of the next version. */
  apply(actions: readonly Action[]): void {
    for (const { remove, metaData, protocol, txn } of actions) {
      if (protocol) this.protocol = protocol;
      if (metaData) this.metaData = metaData;
      if (txn) this.transactions.set(txn.appId, txn);
      if (remove) {
        this.files.delete(remove.path);
        this.removed.set(remove.path, remove);
      }
    }
    // The actions of a version have no order: a file that one removes and adds again is there.
    for (const { add } of actions) {
      if (!add) continue;
      this.removed.delete(add.path);
      this.files.set(add.path, add);
    }
  }

  /** The actions that a checkpoint of the log holds, files last. */
  actions(): readonly Action[] {
    return [
      ...(this.protocol === null ? [] : [{ protocol: this.protocol }]),
      ...(this.metaData === null ? [] : [{ metaData: this.metaData }]),
      ...Array.from(this.transactions.values(), (txn) => ({ txn })),
      ...Array.from(this.removed.values(), (remove) => ({ remove })),
      ...Array.from(this.files.values(), (add) => ({ add })),
    ];
  }

  /** Forgets the files that were removed before a time, milliseconds since 1970-01-01 UTC. */
  forgetRemoved(beforeMs: number): void {
    for (const [path, { deletionTimestamp }] of this.removed) {
      if ((deletionTimestamp ?? 0) < beforeMs) this.removed.delete(path);
    }
  }
}
