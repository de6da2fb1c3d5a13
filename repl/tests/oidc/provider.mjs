// An OpenID provider on loopback, for the tests of signing in: the npm package `oidc-provider`, with a user who is chosen
// by `GET /as/NAME` instead of a form. Arguments: the redirect URI of the client. Prints its issuer.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const GROUPS = { ada: ["staff", "ops"], grace: ["staff", "admins"], eve: ["guests"] };
let user = "ada";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "cla",
        client_secret: "a secret/with: signs%",
        redirect_uris: [process.argv[2]],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    // As large providers do: what the client asks for is in the answer of `userinfo`, unless it is told otherwise.
    conformIdTokenClaims: process.argv[3] !== "in-token",
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    cookies: { keys: ["only for tests"] },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: `${id} <x>`, groups: GROUPS[id] ?? [] }),
    }),
    // The user has agreed to everything.
    loadExistingGrant: async (context) => {
      const { provider, session, client } = context.oidc;
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope("openid profile groups");
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const path = new URL(request.url, issuer).pathname;
    if (path.startsWith("/as/")) {
      user = path.slice(4);
      response.end();
    } else if (path.startsWith("/interaction/")) {
      await provider.interactionFinished(request, response, { login: { accountId: user } });
    } else {
      answer(request, response);
    }
  });
  console.log(issuer);
});
