/**
 * The commits of a pipeline, one transaction after another. What follows a commit's transaction (its files get
 * their final names, the group its offsets) goes on while the next commit is staged, and is done before the next
 * transaction: at most one commit is durable and unfinished, which is what recovery counts on.
 */
export class CommitChain {
  /** The last commit until its transaction; never rejects. */
  #committing: Promise<unknown> = Promise.resolve();
  /** What follows the last transaction; never rejects. */
  #finishing: Promise<unknown> = Promise.resolve();
  #isFinishing = false;
  /**
   * A failure after which no commit may follow: the files of the last one have no final names yet, or too many
   * records were rejected.
   */
  #failure: Error | null = null;

  /** Whether a transaction was made whose commit is not finished. */
  get isFinishing(): boolean {
    return this.#isFinishing;
  }

  /** Runs a commit until its transaction, once those before it were made. Whoever asked for it sees its failure. */
  run(commit: () => Promise<void>): Promise<void> {
    const next = this.#committing.then(() => {
      this.assertSound();
      return commit();
    });
    this.#committing = next.catch(() => {});
    return next;
  }

  /** Does what follows a transaction that was just made. */
  finish(rest: () => Promise<void>): void {
    this.#isFinishing = true;
    this.#finishing = rest()
      .catch((error) => this.fail(error instanceof Error ? error : new Error(String(error))))
      .finally(() => this.#isFinishing = false);
  }

  /** Waits until every transaction asked for so far is made, or failed. */
  async committed(): Promise<void> {
    await this.#committing;
  }

  /**
   * Waits until the last transaction's commit is finished.
   *
   * @throws what kept it from that
   */
  async finished(): Promise<void> {
    await this.#finishing;
    this.assertSound();
  }

  /** Waits for commits under way. */
  async settle(): Promise<void> {
    await this.#committing;
    await this.#finishing;
  }

  /** Lets no commit follow. */
  fail(failure: Error): void {
    this.#failure ??= failure;
  }

  /** @throws why no commit may follow: the next start goes on */
  assertSound(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
