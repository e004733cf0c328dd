import assert from "node:assert/strict";
import { DeadLetterCipher } from "../../src/lake/dead_letter_cipher.ts";
import { bytesOf, eventText } from "../core/samples.ts";
import { keyFileText, keyRing } from "../lake/key_rings.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { everythingIn } from "../rest/protected_lake.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { consumeToEnd, send, temporaryFolder } from "./numbered_events.ts";

kafkaTest("consumer encrypts dead letters and pseudonymizes fields", async () => {
  await using broker = await startBroker();
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const topic = uniqueName("protected"), outDir = `${folder.path}/lake`;
  const keyFile = `${folder.path}/orilla.keys`;
  await Deno.writeTextFile(keyFile, keyFileText("k1"));
  await broker.createTopic(topic, 1);
  const broken = '{"usuario_id":912873465,"dni":"canary-dni"';
  const valid = eventText({ usuario_id: 912873465, dni: "canary-dni" });
  const headers = { "canary-name": "canary-header" };
  await send(bootstrap, {
    topic,
    messages: [{ key: "canary-key", value: broken, headers }, { value: valid, headers }],
  });
  const args = ["--encryption-key-file", keyFile, "--pseudonymize-fields", "usuario_id,dni"];
  await consumeToEnd({ topic, bootstrap, outDir, args });

  const [letter] = await readDeadLetters(outDir);
  assert.ok(letter !== undefined);
  const { key_id: keyId, file, ...stored } = letter;
  assert.equal(keyId, "k1");
  assert.deepEqual(new DeadLetterCipher(keyRing("k1")).open({ ...stored, keyId }, stored, file), {
    key: bytesOf("canary-key"),
    value: bytesOf(broken),
    headers: [{ name: "canary-name", value: bytesOf("canary-header") }],
  });
  const [row] = await readLake(outDir);
  assert.match(String(row?.usuario_id), /^[0-9a-f]{32}$/);
  assert.match(row?.extra ?? "", /^\{"dni":"[0-9a-f]{32}"\}$/);
  const text = await everythingIn(outDir);
  for (const secret of ["canary", "912873465"]) assert.ok(!text.includes(secret), secret);
});
