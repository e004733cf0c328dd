import assert from "node:assert/strict";
import fc from "fast-check";
import { didYouMean, nearestWord } from "../../src/core/nearest_word.ts";
import { checkProperty } from "../property_seed.ts";

const WORDS = ["--topic", "--to-topic", "--until-end", "--out-dir", "batchMaxEvents"];

Deno.test("nearestWord() finds the word with few letters changed, added, missing or swapped", () => {
  const meant = {
    "--topc": "--topic",
    "--topics": "--topic",
    "--tpoic": "--topic",
    "--totopic": "--to-topic",
    "--unitl-edn": "--until-end",
    "BATCH_MAX_EVENTS": "batchMaxEvents",
    "batch-max-event": "batchMaxEvents",
  };
  for (const [typed, word] of Object.entries(meant)) {
    assert.equal(nearestWord(typed, WORDS), word, typed);
  }
});

Deno.test("nearestWord() finds the only word that begins with the text", () => {
  assert.equal(nearestWord("--until", WORDS), "--until-end");
  assert.equal(nearestWord("batch", WORDS), "batchMaxEvents");
  assert.equal(nearestWord("re", ["replay", "rebuild"]), null);
});

Deno.test("nearestWord() finds nothing where nothing is near", () => {
  for (const typed of ["", "--", "wombat", "--count", "x".repeat(1_000_000)]) {
    assert.equal(nearestWord(typed, WORDS), null, typed.slice(0, 20));
  }
  assert.equal(nearestWord("anything", []), null);
});

Deno.test("nearestWord() finds each word by itself, and with one letter changed", () => {
  const anyWord = fc.constantFrom("--topic", "--until-end", "--out-dir", "batchMaxEvents");
  const anyChange = fc.tuple(anyWord, fc.nat(), fc.constantFrom("q", "", "zz"));
  checkProperty(fc.property(anyChange, ([word, at, put]) => {
    assert.equal(nearestWord(word, WORDS), word);
    const place = 4 + at % (word.length - 4);
    const changed = word.slice(0, place) + put + word.slice(place + 1);
    assert.equal(nearestWord(changed, WORDS), word, changed);
  }));
});

Deno.test("didYouMean() ends a sentence with a question, or with a full stop", () => {
  assert.equal(didYouMean("--topc", WORDS), "; did you mean --topic?");
  assert.equal(didYouMean("wombat", WORDS), ".");
});
