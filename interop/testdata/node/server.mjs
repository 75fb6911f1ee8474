// An authorization server on loopback for the tests: client credentials, with
// a resource for each signature algorithm and one whose tokens are opaque.
//
// It writes {"issuer": …}, and then answers each line of its standard input, a JSON
// object, with a JSON object:
//
//   {"do": "rotate"}            replaces the signing keys; the old ones are no longer published
//   {"do": "add"}               replaces the signing keys; the old ones are still published
//   {"do": "down"}, {"do": "up"}
//   {"do": "seen"}              the number of requests for each path since the last "seen"
//   {"do": "foreign", "kid": …, "claims": …}  a token signed by an unknown key
import http from 'node:http';
import readline from 'node:readline';
import { generateKeyPair, exportJWK, SignJWT } from 'jose';
import Provider from 'oidc-provider';

const audience = 'https://api.example.com';
let generation = 0;

async function newKeys() {
  generation++;
  const keys = [];
  for (const alg of ['RS256', 'ES256', 'Ed25519']) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    keys.push({ ...(await exportJWK(privateKey)), kid: `${alg}-${generation}`, use: 'sig', ...(alg !== 'Ed25519' && { alg }) });
  }
  return keys;
}

function build(keys) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      { client_id: 'service', client_secret: 'service-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
      { client_id: 'api', client_secret: 'api-secret', grant_types: [], redirect_uris: [], response_types: [] },
    ],
    scopes: ['posts:read', 'posts:write', 'notes:read', 'notes:write'],
    ttl: { ClientCredentials: 600 },
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'Ed25519', 'PS256', 'RS256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'api' },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo(ctx, resource) {
          if (new URL(resource).pathname === '/mcp') { // a server of the Model Context Protocol
            return { scope: 'notes:read notes:write', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
          }
          const alg = new URL(resource).pathname.slice(1);
          const info = { scope: 'posts:read posts:write', audience };
          if (alg === 'opaque') return { ...info, accessTokenFormat: 'opaque' };
          return { ...info, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
        },
      },
    },
  });
  provider.on('server_error', (ctx, err) => console.error(err));
  return provider.callback();
}

let handler = (req, res) => res.writeHead(503).end();
let seen = {};
const server = http.createServer((req, res) => {
  seen[req.url] = (seen[req.url] ?? 0) + 1;
  handler(req, res);
});
const listen = (port) => new Promise((done) => server.listen(port, '127.0.0.1', done));
await listen(0);
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`;
let keys = await newKeys();
handler = build(keys);
const say = (v) => process.stdout.write(`${JSON.stringify(v)}\n`);
say({ issuer });

for await (const line of readline.createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  switch (ask.do) {
    case 'rotate':
      handler = build(keys = await newKeys());
      break;
    case 'add':
      handler = build(keys = [...await newKeys(), ...keys]);
      break;
    case 'down':
      await new Promise((done) => { server.close(done); server.closeAllConnections(); });
      break;
    case 'up':
      await listen(port);
      break;
    case 'foreign': {
      const { privateKey } = await generateKeyPair('ES256');
      const token = await new SignJWT({ client_id: 'service', ...ask.claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: ask.kid })
        .setIssuer(issuer).setAudience(audience).setSubject('service').setIssuedAt().setExpirationTime('5m').setJti('1')
        .sign(privateKey);
      say({ token });
      continue;
    }
    case 'seen':
      say({ seen });
      seen = {};
      continue;
  }
  say({});
}
process.exit(0);
