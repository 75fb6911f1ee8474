// Clients with keys (RFC 9449): oauth4webapi, openid-client and dpop, each with tokens that
// oidc-provider binds. The argument is a JSON object: url, the resource at guard, issuer,
// that of the tokens, and audience, what its resources begin with. The only exception to
// the libraries' defaults is plain http, for loopback.
import assert from 'node:assert/strict';
import * as dpop from 'dpop';
import { calculateJwkThumbprint, decodeJwt, exportJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';

const { url, issuer, audience } = JSON.parse(process.argv[2]);
const secret = 'service-secret';
const form = { scope: 'posts:read', resource: `${audience}/ES256` };
const profile = { subject: 'service', issuer, scopes: ['posts:read'] };
const algs = ['ES256', 'Ed25519', 'PS256', 'RS256'];

// watch returns a fetch that records what was answered.
function watch() {
  const seen = [];
  const watched = async (input, init) => {
    const res = await fetch(input, init);
    seen.push({ path: new URL(input).pathname, status: res.status, nonce: res.headers.get('dpop-nonce'), challenge: res.headers.get('www-authenticate') });
    return res;
  };
  return { seen, watched, statuses: () => seen.filter((s) => s.path === new URL(url).pathname).map((s) => s.status) };
}

// bound checks that a token is bound to a key.
async function bound(token, publicKey) {
  assert.equal(decodeJwt(token).cnf.jkt, await calculateJwkThumbprint(await exportJWK(publicKey)));
}

const clients = {
  // It remembers nonces, and the caller repeats the request.
  async oauth4webapi(alg) {
    const { watched, statuses } = watch();
    const opts = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: watched };
    const client = { client_id: 'service' };
    const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), opts));
    const keys = await oauth.generateKeyPair(alg);
    const DPoP = oauth.DPoP(client, keys);
    const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretBasic(secret), form, { ...opts, DPoP });
    const { access_token: token, token_type: type } = await oauth.processClientCredentialsResponse(as, client, response);
    assert.equal(type, 'dpop');
    await bound(token, keys.publicKey);
    const get = (DPoP) => oauth.protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, { ...opts, DPoP });

    const first = await get(DPoP).then(() => assert.fail('no nonce was asked for'), (e) => e);
    assert.ok(oauth.isDPoPNonceError(first), first);
    assert.deepEqual(first.cause[0].parameters, { algs: 'ES256 ES384 EdDSA Ed25519 PS256 RS256', error: 'use_dpop_nonce' });
    for (let i = 0; i < 3; i++) assert.deepEqual(await (await get(DPoP)).json(), profile);
    assert.deepEqual(statuses(), [401, 200, 200, 200]);

    const stolen = await get(undefined).then(() => assert.fail('accepted as Bearer'), (e) => e);
    assert.ok(stolen instanceof oauth.WWWAuthenticateChallengeError, stolen);
    assert.equal(stolen.status, 401);
    assert.deepEqual([stolen.cause[0].scheme, stolen.cause[0].parameters.error], ['dpop', 'invalid_token']);
    const thief = oauth.DPoP(client, await oauth.generateKeyPair(alg));
    const withAKey = await get(thief).then(() => assert.fail('accepted with another key'), (e) => e);
    assert.equal(withAKey.cause[0].parameters.error, 'invalid_dpop_proof');
  },

  // It answers use_dpop_nonce by itself.
  async 'openid-client'(alg) {
    const { watched, statuses } = watch();
    const config = await openid.discovery(new URL(issuer), 'service', secret, openid.ClientSecretBasic(secret), { execute: [openid.allowInsecureRequests], [openid.customFetch]: watched });
    const keys = await openid.randomDPoPKeyPair(alg);
    const DPoP = openid.getDPoPHandle(config, keys);
    const { access_token: token } = await openid.clientCredentialsGrant(config, form, { DPoP });
    await bound(token, keys.publicKey);
    for (let i = 0; i < 2; i++) {
      const res = await openid.fetchProtectedResource(config, token, new URL(`${url}?page=${i}`), 'GET', undefined, undefined, { DPoP });
      assert.deepEqual(await res.json(), profile);
    }
    assert.deepEqual(statuses(), [401, 200, 200]);
  },

  // It makes proofs, and nothing else.
  async dpop(alg) {
    const { seen, watched } = watch();
    const keys = await dpop.generateKeyPair(alg);
    const granted = await fetch(`${issuer}/token`, {
      method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
      headers: { authorization: `Basic ${Buffer.from(`service:${secret}`).toString('base64')}`, dpop: await dpop.generateProof(keys, `${issuer}/token`, 'POST') },
    });
    const { access_token: token } = await granted.json();
    assert.equal(decodeJwt(token).cnf.jkt, await dpop.calculateThumbprint(keys.publicKey));
    const send = (proof, method = 'GET') => watched(url, { method, headers: { authorization: `DPoP ${token}`, dpop: proof } });
    const proof = (nonce, change = {}) => dpop.generateProof(keys, change.url ?? url, change.method ?? 'GET', nonce, change.token ?? token);
    const refused = async (p, error) => {
      const res = await send(await p);
      assert.equal(res.status, 401);
      assert.match(res.headers.get('www-authenticate'), new RegExp(`^DPoP algs="[^"]+", error="${error}"$`));
    };

    await refused(proof(), 'use_dpop_nonce');
    const { nonce } = seen[0];
    const once = await proof(nonce);
    assert.deepEqual(await (await send(once)).json(), profile);
    await refused(once, 'invalid_dpop_proof');
    assert.equal((await send(await proof(seen.at(-2).nonce))).status, 200); // the next nonce came with the 200
    await refused(proof('x'), 'use_dpop_nonce');
    await refused(proof(nonce, { method: 'POST' }), 'invalid_dpop_proof');
    await refused(proof(nonce, { url: `${url}/other` }), 'invalid_dpop_proof');
    await refused(proof(nonce, { url: url.replace('localhost', '127.0.0.1') }), 'invalid_dpop_proof');
    await refused(proof(nonce, { token: `${token}x` }), 'invalid_dpop_proof');
    assert.equal((await send(await proof(nonce))).status, 200);
  },
};

for (const [name, run] of Object.entries(clients)) {
  for (const alg of algs) {
    try {
      await run(alg);
    } catch (e) {
      console.log(`${name} with ${alg}: ${e.stack}`);
      process.exitCode = 1;
    }
  }
}
