// A client that reads guard's metadata, challenges, token responses, tokens and keys.
// The first argument is the server's address, the second an expired token. The only
// exception to the libraries' defaults is plain http, for loopback.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { createRemoteJWKSet, jwtVerify, errors } from 'jose';

const [, , base, expired] = process.argv;
const opts = { [oauth.allowInsecureRequests]: true };
const posts = new URL(`${base}/posts`);
const get = (token, url = posts) => oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, opts);

async function challenge(request, status) {
  const err = await request.then(() => assert.fail('not refused'), (e) => e);
  assert(err instanceof oauth.WWWAuthenticateChallengeError, err);
  assert.equal(err.status, status);
  assert.equal(err.cause.length, 1);
  assert.equal(err.cause[0].scheme, 'bearer');
  return err.cause[0].parameters;
}

// Metadata of the resource (RFC 9728), discovered by the challenge.
const anonymous = await fetch(posts);
assert.equal(anonymous.status, 401);
const metadata = /resource_metadata="([^"]+)"/.exec(anonymous.headers.get('www-authenticate'))[1];
assert.equal(new URL(metadata).pathname, '/.well-known/oauth-protected-resource');
const resource = await oauth.processResourceDiscoveryResponse(new URL(base), await oauth.resourceDiscoveryRequest(new URL(base), opts));
assert.deepEqual(resource.scopes_supported, ['posts:read', 'posts:write']);

// Metadata of the authorization server, and a token response (RFC 6749, section 5.1).
const issuer = new URL(resource.authorization_servers[0]);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...opts, algorithm: 'oauth2' }));
const client = { client_id: 'service' };
async function grant(scope) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretBasic('secret'), { scope }, opts);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  return oauth.processClientCredentialsResponse(as, client, response);
}
const reader = await grant('posts:read');
assert.equal(reader.token_type, 'bearer');
assert.equal(reader.expires_in, 900);

// Keys and tokens, verified by both libraries.
const keys = createRemoteJWKSet(new URL(as.jwks_uri));
const { payload, protectedHeader } = await jwtVerify(reader.access_token, keys, { issuer: as.issuer, audience: base, typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'jti'] });
assert.equal(payload.sub, 'service');
assert.equal(protectedHeader.alg, 'ES256');
await assert.rejects(jwtVerify(expired, keys), errors.JWTExpired);
const claims = await oauth.validateJwtAccessToken(as, new Request(posts, { headers: { authorization: `Bearer ${reader.access_token}` } }), base, opts);
assert.equal(claims.scope, 'posts:read');

// Responses and challenges (RFC 6750, section 3).
assert.equal((await get(reader.access_token)).status, 200);
const invalid = await challenge(get('garbage'), 401);
assert.equal(invalid.error, 'invalid_token');
assert.equal(invalid.realm, 'posts "and" more');
assert.equal(invalid.resource_metadata, metadata);
assert.equal((await challenge(get(expired), 401)).error, 'invalid_token');
const scope = await challenge(get((await grant('posts:write')).access_token), 403);
assert.equal(scope.error, 'insufficient_scope');
assert.equal(scope.scope, 'posts:read');
console.log('ok');
