import { type FaultHooks, operate } from "../../runtime/operations.ts";
import { lakeKey, type RedisAddress } from "./address.ts";
import { type Argument, RedisConnection, type Reply } from "./connection.ts";
import type { Script } from "./scripts.ts";

/** The keys of one lake in a Redis. */
export class RedisLake implements AsyncDisposable {
  /** How messages name it: a URL without user and password. */
  readonly name: string;
  readonly connection: RedisConnection;
  readonly #lakeKey: string;

  constructor(address: RedisAddress) {
    this.name = address.name;
    this.connection = new RedisConnection(address);
    this.#lakeKey = lakeKey(address);
  }

  /** A key of the lake. */
  key(name: string): string {
    return this.#lakeKey.slice(0, -"lake".length) + name;
  }

  /** Sends a command about a key of the lake. @throws as `RedisConnection.send` */
  async send(command: string, key: string, ...rest: readonly Argument[]): Promise<Reply> {
    return await this.connection.send([command, this.key(key), ...rest]);
  }

  /** Sends commands about keys of the lake at once. @throws as `RedisConnection.send` */
  async sendAll(
    commands: readonly (readonly [command: string, key: string, ...rest: Argument[]])[],
  ): Promise<readonly Reply[]> {
    return await this.connection.sendAll(
      commands.map(([command, key, ...rest]) => [command, this.key(key), ...rest]),
    );
  }

  /** Runs a script on the lake. @throws as `RedisConnection.send` */
  async run(script: Script, args: readonly Argument[]): Promise<Reply> {
    return await this.connection.run(script, this.#lakeKey, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }
}

/** The transactions of a lake in Redis, each with operations `…:begin`, `…:write` and `…:end`. */
export type TransactionName =
  | "claim"
  | "commit"
  | "published"
  | "expire"
  | "replace"
  | "replaced"
  | "rebuild";

/** Runs a transaction, which is one command or script: it is begun and done by its answer. */
export async function operateAt<T>(
  { name: path }: RedisLake,
  { name, hooks }: { readonly name: TransactionName; readonly hooks: FaultHooks },
  action: () => Promise<T>,
): Promise<T> {
  await operate(hooks, { label: `${name}:begin`, path }, () => Promise.resolve());
  await operate(hooks, { label: `${name}:write`, path }, () => Promise.resolve());
  return await operate(hooks, { label: `${name}:end`, path }, action);
}
