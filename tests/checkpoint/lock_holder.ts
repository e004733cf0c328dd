import { lockOutDir } from "../../src/checkpoint/lock.ts";

// Holds the lock of the folder given as its argument until it is killed or its input ends.
using _lock = lockOutDir(Deno.args[0] ?? "");
Deno.stdout.writeSync(new TextEncoder().encode("locked\n"));
await Array.fromAsync(Deno.stdin.readable);
