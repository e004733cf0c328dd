/** A request that a token endpoint got. */
export interface TokenRequest {
  readonly authorization: string | null;
  readonly form: URLSearchParams;
}

/** An OAuth 2.0 token endpoint on a free port of this machine. */
export interface TokenEndpoint extends AsyncDisposable {
  /** http://127.0.0.1:PORT/token */
  readonly url: string;
  /** All that was asked so far. */
  readonly requests: readonly TokenRequest[];
}

/** Starts an endpoint that answers with what `respond` makes of a request. */
export function startTokenEndpoint(
  respond: (request: TokenRequest) => Response | Promise<Response>,
): TokenEndpoint {
  const requests: TokenRequest[] = [];
  const onListen = () => {};
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, async (request) => {
    const form = new URLSearchParams(await request.text());
    const asked = { authorization: request.headers.get("authorization"), form };
    requests.push(asked);
    return await respond(asked);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/token`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** An endpoint that knows one client, and gives tokens as Kafka's unsecured test validator takes them. */
export function startIssuer(
  { clientId, clientSecret, lifetimeSeconds }: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly lifetimeSeconds: number;
  },
): TokenEndpoint {
  return startTokenEndpoint(({ authorization, form }) => {
    const expected = `Basic ${btoa(`${clientId}:${encodeURIComponent(clientSecret)}`)}`;
    if (authorization !== expected) {
      return Response.json({ error: "invalid_client" }, { status: 401 });
    }
    const iat = Math.floor(Date.now() / 1000);
    const claims = { sub: clientId, iat, exp: iat + lifetimeSeconds, scope: form.get("scope") };
    const token = `${base64url({ alg: "none" })}.${base64url(claims)}.`;
    const body = { access_token: token, token_type: "Bearer", expires_in: lifetimeSeconds };
    return Response.json(body);
  });
}

function base64url(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
