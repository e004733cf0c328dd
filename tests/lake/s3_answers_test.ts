import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import { S3Error, withAdvice } from "../../src/lake/s3_errors.ts";
import { elementsOf, escapeXml, textOf } from "../../src/lake/s3_xml.ts";
import { canPassLater } from "../../src/runtime/retry.ts";

const AT = { location: "s3://lake", region: "us-east-1", endpoint: "https://store.example" };

Deno.test("S3Error says by status and code whether a request is sent again", () => {
  const passes: readonly (readonly [number, string, boolean])[] = [
    [0, "Timeout", true],
    [500, "InternalError", true],
    [503, "SlowDown", true],
    [502, "HTTP502", true],
    [429, "HTTP429", true],
    [400, "RequestTimeout", true],
    [409, "ConditionalRequestConflict", true],
    [501, "NotImplemented", false],
    [412, "PreconditionFailed", false],
    [403, "AccessDenied", false],
    [403, "RequestTimeTooSkewed", false],
    [404, "NoSuchBucket", false],
  ];
  for (const [status, code, isPassing] of passes) {
    assert.equal(canPassLater(new S3Error("PUT a", { status, code })), isPassing, code);
  }
});

Deno.test("withAdvice() ends the run with advice where there is one, and leaves other errors as they are", () => {
  const refused = new S3Error("GET the bucket", { status: 404, code: "NoSuchBucket" });
  const ended = withAdvice(refused, AT);
  assert.ok(ended instanceof OrillaError && ended.exitCode === 1);
  assert.match(
    ended.message,
    /^s3:\/\/lake: GET the bucket: 404 NoSuchBucket\. What can be done: make/,
  );
  for (
    const [status, code] of [[404, "NoSuchKey"], [412, "PreconditionFailed"], [
      503,
      "SlowDown",
    ]] as const
  ) {
    const error = new S3Error("GET a", { status, code });
    assert.equal(withAdvice(error, AT), error);
  }
});

Deno.test("textOf() and elementsOf() read S3's answers, namespaces, entities and line ends included", () => {
  const xml =
    `<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <Name>lake</Name><Contents><Key>a&amp;b&#x3D;&#39;&lt;</Key><Size>1</Size></Contents>
    <Contents><Key>c</Key></Contents><KeyCount>2</KeyCount></ListBucketResult>`;
  const contents = elementsOf(xml, "Contents");
  assert.deepEqual(contents.map((one) => textOf(one, "Key")), ["a&b='<", "c"]);
  assert.equal(textOf(xml, "KeyCount"), "2");
  assert.equal(textOf(xml, "NextContinuationToken"), null);
  assert.equal(textOf("<a/>", "a"), null);
  assert.equal(escapeXml(`"a"&<b>`), `"a"&amp;&lt;b&gt;`);
});
