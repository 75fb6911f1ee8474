// A client of the Model Context Protocol that has nothing but the server's address and a
// client's id and secret: it finds the authorization server by the metadata that a 401
// names, and asks it for the scopes of the challenge.
//
//   node mcp.mjs '{"sdk": "sdk" or "client", "url": …, "issuer": …, "scope": …}'
//
// It writes {"steps": […], "requests": […]}: what each call returned, and each request
// with its status. scope is that of the first token, in place of the challenge's.
const { sdk, url, issuer, scope } = JSON.parse(process.argv[2]);

async function load() {
  if (sdk === 'client') return import('@modelcontextprotocol/client');
  const parts = ['index', 'streamableHttp', 'auth', 'auth-extensions'];
  return Object.assign({}, ...await Promise.all(parts.map((part) => import(`@modelcontextprotocol/sdk/client/${part}.js`))));
}
const { Client, StreamableHTTPClientTransport, ClientCredentialsProvider, extractWWWAuthenticateParams } = await load();

const requests = [];
async function watched(input, init = {}) {
  const res = await fetch(input, init);
  const { pathname, search } = new URL(input);
  const headers = new Headers(init.headers);
  requests.push({
    request: `${init.method ?? 'GET'} ${pathname}${search}`, status: res.status, body: `${init.body ?? ''}`,
    challenge: res.headers.get('www-authenticate') ?? '', name: headers.get('mcp-name') ?? '', version: headers.get('mcp-protocol-version') ?? '',
  });
  if (sdk === 'sdk' && (res.status === 401 || res.status === 403)) { // it reads the challenge, and asks for the scope of its provider
    const have = authProvider.clientMetadata.scope?.match(/\S+/g) ?? [];
    authProvider.clientMetadata.scope = [...new Set([...have, ...extractWWWAuthenticateParams(res).scope.split(' ')])].join(' ');
  }
  return res;
}

const authProvider = new ClientCredentialsProvider({ clientId: 'service', clientSecret: 'service-secret', expectedIssuer: issuer, scope });
if (scope) { // a token with less than the challenge names
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope, resource: url });
  const authorization = `Basic ${Buffer.from('service:service-secret').toString('base64')}`;
  const res = await fetch(`${issuer}/token`, { method: 'POST', body, headers: { authorization } });
  authProvider.saveTokens(await res.json());
}
const client = new Client({ name: 'interop', version: '1.0.0' }, sdk === 'client' ? { versionNegotiation: { mode: 'auto' } } : {});
const steps = [];
async function step(call) {
  try {
    steps.push(await call());
  } catch (e) {
    steps.push(`${e.name}: ${e.message}`);
  }
}
const textOf = (result) => result.content[0].text;
await step(async () => { await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider, fetch: watched })); return client.getServerVersion().name; });
await step(async () => (await client.listTools()).tools.map((t) => t.name).join(' '));
await step(async () => textOf(await client.callTool({ name: 'write_note', arguments: { text: `by ${sdk}` } })));
await step(async () => textOf(await client.callTool({ name: 'read_note', arguments: {} })));
process.stdout.write(`${JSON.stringify({ steps, requests })}\n`);
process.exit(0);
