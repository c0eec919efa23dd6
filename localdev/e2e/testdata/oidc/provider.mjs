// A real OpenID provider on a free loopback port. It prints its issuer, logs
// whoever asks in as the user that the request hints at, and ends with its
// standard input. POST /rotate gives it new keys.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const kinds = {
  RS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
  EdDSA: ["ed25519", {}],
};

function keys() {
  return Object.entries(kinds).map(([alg, [kind, options]]) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }),
    kid: randomUUID(), alg, use: "sig",
  }));
}

function provider(issuer) {
  const p = new Provider(issuer, {
    jwks: { keys: keys() },
    cookies: { keys: [randomUUID()] },
    clients: [{
      client_id: "spa", application_type: "native", token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"], id_token_signed_response_alg: "ES256",
    }],
    enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
    features: {
      devInteractions: { enabled: false },
      // urn:rooms:<alg> is our API, with access tokens signed by that algorithm.
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: "rooms", audience: "rooms-api", accessTokenFormat: "jwt",
          accessTokenTTL: 3600, jwt: { sign: { alg: resource.split(":").pop() } },
        }),
      },
    },
    extraTokenClaims: () => ({ rooms: { "org.42.*": ["join", "publish"] } }),
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
  });
  p.on("server_error", (_ctx, error) => console.error(error));
  return p;
}

const server = createServer(async (req, res) => {
  try {
    if (req.url === "/rotate" && req.method === "POST") {
      current = provider(issuer);
      res.end();
    } else if (req.url.startsWith("/login/")) {
      const { prompt, params } = await current.interactionDetails(req, res);
      const accountId = params.login_hint;
      if (prompt.name === "login") {
        await current.interactionFinished(req, res, { login: { accountId } });
      } else {
        const grant = new current.Grant({ clientId: params.client_id, accountId });
        grant.addOIDCScope("openid");
        grant.addResourceScope(params.resource, "rooms");
        const consent = { grantId: await grant.save() };
        await current.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
      }
    } else {
      await current.callback()(req, res);
    }
  } catch (error) {
    console.error(error);
    res.statusCode = 500;
    res.end();
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
let current = provider(issuer);
console.log(issuer);
process.stdin.resume().on("end", () => process.exit());
