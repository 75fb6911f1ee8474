// Two OpenID providers on loopback for the tests of signin/oauth, with accounts, consent,
// sessions and logout. The second one requires pushed requests (RFC 9126). The argument
// is a JSON object: app, the address of the application, secret, that of its clients, and
// jwk, the public key of the client private_key_jwt.
//
// It writes {"issuer": …, "pushed": …}, and then answers each line of its standard
// input, a JSON object, with a JSON object:
//
//   {"do": "seen"}  the number of requests for each path since the last "seen"
//   {"do": "down"}, {"do": "up"}  its token endpoints
import http from 'node:http';
import readline from 'node:readline';
import { generateKeyPair, exportJWK } from 'jose';
import Provider from 'oidc-provider';

console.info = console.error; // standard output is for answers
const { app, secret, jwk } = JSON.parse(process.argv[2]);
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);

// Each client has another way to authenticate, whose name is its id, and another
// algorithm of its ID tokens.
const clients = Object.entries({
  client_secret_basic: { client_secret: secret, id_token_signed_response_alg: 'ES256' },
  client_secret_post: { client_secret: secret, id_token_signed_response_alg: 'RS256' },
  private_key_jwt: { jwks: { keys: [jwk] }, id_token_signed_response_alg: 'Ed25519' },
  none: { id_token_signed_response_alg: 'PS256' },
}).map(([id, more]) => ({
  client_id: id,
  token_endpoint_auth_method: id,
  redirect_uris: [`${app}/${id}/callback`, `${app}/form_post/callback`],
  post_logout_redirect_uris: [`${app}/`],
  backchannel_logout_uri: `${app}/${id}/backchannel`,
  backchannel_logout_session_required: true,
  ...more,
}));

const page = (res, status, title, body) => res
  .writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
  .end(`<!doctype html><meta charset="utf-8"><title>Provider</title><h1>${escape(title)}</h1>${body}`);

const form = (uid, fields, yes, no) => `<form method="post" action="/interaction/${uid}">${fields}`
  + `<button name="do" value="yes">${yes}</button> <button name="do" value="no">${no}</button></form>`;

async function fields(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return new URLSearchParams(text);
}

async function consent(provider, { grantId, session, params, prompt }) {
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  return { consent: { grantId: await grant.save() } };
}

// interact is the provider's page of a sign-in: GET shows it, POST answers it.
async function interact(provider, req, res) {
  let details;
  try {
    details = await provider.interactionDetails(req, res);
  } catch { // it was completed: the person came by the back button
    return page(res, 400, 'This sign-in is over', `<p><a href="${app}/">Back to the application</a></p>`);
  }
  const { uid, prompt } = details;
  if (req.method !== 'POST') {
    return prompt.name === 'login'
      ? page(res, 200, 'Sign in at the provider', form(uid, '<label>Account <input name="login"></label>', 'Sign in', 'Cancel'))
      : page(res, 200, 'Allow access', form(uid, '', 'Allow', 'Decline'));
  }
  const answer = await fields(req);
  let result = { error: 'access_denied', error_description: 'The person declined' };
  if (answer.get('do') !== 'no') {
    result = prompt.name === 'login' ? { login: { accountId: answer.get('login') } } : await consent(provider, details);
  }
  return provider.interactionFinished(req, res, result);
}

const keys = [];
for (const alg of ['RS256', 'ES256', 'Ed25519']) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  keys.push({ ...(await exportJWK(privateKey)), kid: `${alg}-1`, use: 'sig' });
}

let seen = {};
let down = false;

async function start(requirePushedAuthorizationRequests) {
  let handler;
  const server = http.createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://localhost');
    seen[pathname] = (seen[pathname] ?? 0) + 1;
    if (down && pathname === '/token') return res.writeHead(502).end();
    return handler(req, res);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const issuer = `http://localhost:${server.address().port}`; // another site than the application's 127.0.0.1
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients,
    cookies: { keys: ['of a test'] },
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'Ed25519'] },
    interactions: { url: (ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: `The person ${id}` }),
    }),
    // Its own fetch refuses addresses of this machine, where the application is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, logout) => {
          ctx.body = `<!doctype html><meta charset="utf-8"><title>Provider</title><h1>Sign out of the provider?</h1>${logout}`
            + '<button form="op.logoutForm" name="logout" value="yes">Sign out</button>';
        },
        postLogoutSuccessSource: (ctx) => { ctx.body = '<!doctype html><title>Provider</title><h1>Signed out of the provider</h1>'; },
      },
    },
  });
  provider.on('server_error', (ctx, err) => console.error(err));
  provider.on('backchannel.error', (ctx, err) => console.error(err));
  const callback = provider.callback();
  handler = (req, res) => (req.url.startsWith('/interaction/')
    ? interact(provider, req, res).catch((err) => { console.error(err); res.writeHead(500).end(); })
    : callback(req, res));
  return issuer;
}

const say = (v) => process.stdout.write(`${JSON.stringify(v)}\n`);
say({ issuer: await start(false), pushed: await start(true) });

for await (const line of readline.createInterface({ input: process.stdin })) {
  switch (JSON.parse(line).do) {
    case 'down': down = true; break;
    case 'up': down = false; break;
    case 'seen':
      say({ seen });
      seen = {};
      continue;
  }
  say({});
}
process.exit(0);
