import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import { TokenSource } from "../../src/kafka/oauth_token.ts";
import type { TokenSettings } from "../../src/kafka/security.ts";
import { startTokenEndpoint } from "./token_endpoint.ts";

const SECRET = "s&cret of:orilla+%é";

function settings(tokenUrl: string): TokenSettings {
  return {
    mechanism: "OAUTHBEARER",
    tokenUrl,
    clientId: "or:illa",
    clientSecret: SECRET,
    scope: null,
  };
}

/** An endpoint whose n-th token is `token-n`. */
function counting(expiresIn?: number) {
  let count = 0;
  return startTokenEndpoint(() => {
    count++;
    return Response.json({ access_token: `token-${count}`, expires_in: expiresIn });
  });
}

/** The failure of a token source; it never repeats the secret, nor the endpoint's text. */
async function failure(source: TokenSource): Promise<OrillaError> {
  const error = await source.token().then(() => null, (cause: unknown) => cause);
  assert.ok(error instanceof OrillaError, String(error));
  assert.equal(error.exitCode, 1);
  for (const text of [SECRET, encodeURIComponent(SECRET), "unmistakable"]) {
    assert.ok(!error.message.includes(text), error.message);
  }
  return error;
}

function isFinal(error: OrillaError): boolean {
  return "retriable" in error && error.retriable === false;
}

Deno.test("TokenSource asks as RFC 6749 says: form-encoded Basic credentials, grant type, scope", async () => {
  await using endpoint = counting(300);
  await new TokenSource({ ...settings(endpoint.url), scope: "kafka read" }).token();
  const [request] = endpoint.requests;
  const [kind, encoded = ""] = request?.authorization?.split(" ") ?? [];
  assert.equal(kind, "Basic");
  const [id = "", secret = ""] = atob(encoded).split(":");
  const decode = (text: string) => new URLSearchParams(`_=${text}`).get("_");
  assert.deepEqual([decode(id), decode(secret)], ["or:illa", SECRET]);
  assert.deepEqual([...request?.form ?? []], [
    ["grant_type", "client_credentials"],
    ["scope", "kafka read"],
  ]);
});

Deno.test("TokenSource keeps a token until 30 s before its end, then fetches another", async () => {
  await using endpoint = counting(300);
  let nowMs = 0;
  const source = new TokenSource(settings(endpoint.url), () => nowMs);
  assert.equal(await source.token(), "token-1");
  nowMs = 269_999;
  assert.equal(await source.token(), "token-1");
  nowMs = 270_000;
  assert.equal(await source.token(), "token-2");
  assert.equal(endpoint.requests.length, 2);
});

Deno.test("TokenSource fetches one token for all who ask at the same time", async () => {
  await using endpoint = counting(300);
  const source = new TokenSource(settings(endpoint.url));
  const tokens = await Promise.all([source.token(), source.token(), source.token()]);
  assert.deepEqual(tokens, ["token-1", "token-1", "token-1"]);
});

Deno.test("TokenSource uses a token without a lifetime once", async () => {
  await using endpoint = counting();
  const source = new TokenSource(settings(endpoint.url));
  assert.equal(await source.token(), "token-1");
  assert.equal(await source.token(), "token-2");
});

Deno.test("TokenSource takes a refusal for final, and names the endpoint's error code alone", async () => {
  for (const status of [400, 401, 403]) {
    await using endpoint = startTokenEndpoint(() =>
      Response.json({ error: "invalid_scope", error_description: "unmistakable" }, { status })
    );
    const error = await failure(new TokenSource(settings(endpoint.url)));
    assert.ok(isFinal(error));
    assert.match(
      error.message,
      new RegExp(`refused the client "or:illa" \\(HTTP ${status}: invalid_scope\\)`),
    );
  }
});

Deno.test("TokenSource takes trouble at the endpoint for something that may pass", async () => {
  const answers: readonly (() => Response)[] = [
    () => new Response("unmistakable", { status: 503 }),
    () => Response.json({ error: "unmistakable" }, { status: 429 }),
    () => new Response("unmistakable"),
    () => Response.json({ token: "unmistakable" }),
    () => Response.json({ access_token: "with\u0001unmistakable" }),
    () => Response.json(null),
  ];
  for (const answer of answers) {
    await using endpoint = startTokenEndpoint(answer);
    const error = await failure(new TokenSource(settings(endpoint.url)));
    assert.ok(!isFinal(error), error.message);
    assert.match(error.message, /^No token from http:\/\/127\.0\.0\.1/);
  }
});

Deno.test("TokenSource does not follow a redirection with the secret", async () => {
  await using other = counting(300);
  await using endpoint = startTokenEndpoint(() => Response.redirect(other.url, 307));
  await failure(new TokenSource(settings(endpoint.url)));
  assert.equal(other.requests.length, 0);
});

Deno.test("TokenSource asks again after a failure", async () => {
  let isUp = false;
  await using endpoint = startTokenEndpoint(() =>
    isUp
      ? Response.json({ access_token: "token", expires_in: 300 })
      : new Response("", { status: 503 })
  );
  const source = new TokenSource(settings(endpoint.url));
  await failure(source);
  isUp = true;
  assert.equal(await source.token(), "token");
});
