/** A dead-letter file that was removed because of its age: what is known of it for ever. */
export interface PurgedFile {
  /** Its final path, relative to OUT_DIR. */
  readonly path: string;
  /** The commit that it was part of. */
  readonly sequence: number;
  readonly letterCount: number;
  readonly bytes: number;
  /** How many dead letters had which reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly purgedAtMs: number;
}
