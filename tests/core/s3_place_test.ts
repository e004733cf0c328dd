import assert from "node:assert/strict";
import { meansS3, parseS3Place, s3PlaceText } from "../../src/core/s3_place.ts";

Deno.test("parseS3Place() reads a bucket and a prefix, with or without a slash at its end", () => {
  const places = {
    "s3://lake": { bucket: "lake", prefix: "" },
    "s3://lake/": { bucket: "lake", prefix: "" },
    "s3://my.lake-1/a": { bucket: "my.lake-1", prefix: "a/" },
    "s3://lake/a/b=1/": { bucket: "lake", prefix: "a/b=1/" },
  };
  for (const [text, place] of Object.entries(places)) {
    assert.deepEqual(parseS3Place(text), place, text);
    assert.equal(s3PlaceText(place), text.replace(/\/$/, ""));
  }
});

Deno.test("parseS3Place() refuses what a URL, or a key, would not keep as it is", () => {
  const wrong = [
    ..."s3: s3:/lake s3:///a s3://La s3://a s3://-lake s3://la..ke s3://lake//a s3://lake/a//b"
      .split(" "),
    ...[
      "s3://lake/.",
      "s3://lake/a/../b",
      "s3://lake/a b",
      "s3://lake/a?b",
      "s3://lake/a#b",
      "s3://lake/a\n",
    ],
    ...["S3://lake", "https://lake/a", "/lake", "lake", ""],
  ];
  for (const text of wrong) assert.equal(parseS3Place(text), null, text);
  assert.ok(meansS3("S3:x") && !meansS3("/s3:") && !meansS3("s3"));
});
