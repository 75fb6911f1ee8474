// Tokens as jose makes them: reads {issuer, audience, secret} as an argument and
// prints the public keys and, for each algorithm, tokens to accept and to refuse.
import * as jose from 'jose'

const { issuer, audience, secret } = JSON.parse(process.argv[2])
const encoder = new TextEncoder()

const claims = (token, change = {}) => token
  .setSubject(change.sub ?? '1')
  .setIssuer(change.iss ?? issuer)
  .setAudience(change.aud ?? audience)
  .setIssuedAt(change.iat)
  .setExpirationTime(change.exp ?? '10m')

const out = { jwks: { keys: [] }, tokens: [] }
const add = (name, want, token) => out.tokens.push({ name, want, token })

for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519']) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true })
  const kid = `key of ${alg}`
  out.jwks.keys.push({ ...await jose.exportJWK(publicKey), kid, alg, use: 'sig' })
  const make = (change = {}, header = {}) => claims(new jose.SignJWT({ scope: 'posts:read posts:write', ...change.more }), change)
    .setProtectedHeader({ alg, kid, ...header }).sign(privateKey)

  add(`${alg}`, '', await make())
  add(`${alg}, at+jwt`, '', await make({}, { typ: 'at+jwt' }))
  add(`${alg}, several audiences`, '', await make({ aud: ['another', audience] }))
  add(`${alg}, expired`, 'Token expired', await make({ exp: '-10s' }))
  add(`${alg}, not yet`, 'Token not yet valid', await make({ more: { nbf: Math.floor(Date.now() / 1000) + 600 } }))
  add(`${alg}, issuer`, 'Invalid issuer', await make({ iss: 'https://evil.example' }))
  add(`${alg}, audience`, 'Invalid audience', await make({ aud: 'another' }))
  add(`${alg}, an ID token of DPoP`, 'Invalid token', await make({}, { typ: 'dpop+jwt' }))
  add(`${alg}, unknown kid`, 'Invalid token', await make({}, { kid: 'unknown' }))

  const stranger = await jose.generateKeyPair(alg)
  add(`${alg}, another's key`, 'Invalid token',
    await claims(new jose.SignJWT({})).setProtectedHeader({ alg, kid }).sign(stranger.privateKey))

  // The public key as the secret of an HMAC: the oldest trick.
  const spki = encoder.encode(await jose.exportSPKI(publicKey))
  add(`${alg}, confused with HS256`, 'Invalid token',
    await claims(new jose.SignJWT({})).setProtectedHeader({ alg: 'HS256', kid }).sign(spki))
}
add('unsecured', 'Invalid token', claims(new jose.UnsecuredJWT({})).encode())

// Those of the example's own /jwt: HS256 under its secret.
const hmac = (change = {}, header = {}, key = secret) => new jose.SignJWT({ email: 'jose@example.com', role: 'moderator', type: 'access', ...change })
  .setProtectedHeader({ alg: 'HS256', ...header }).setIssuer('jwt').setSubject('7').setIssuedAt().setExpirationTime('10m').sign(encoder.encode(key))
out.hs256 = [
  { name: 'HS256', want: '', token: await hmac() },
  { name: 'HS256, typ', want: '', token: await hmac({}, { typ: 'JWT' }) },
  { name: 'HS256, type', want: 'Invalid token type', token: await hmac({ type: 'refresh' }) },
  { name: 'HS256, another key', want: 'Invalid token', token: await hmac({}, {}, 'x'.repeat(32)) },
  { name: 'HS256, critical', want: 'Invalid token', token: await new jose.SignJWT({ type: 'access' })
    .setProtectedHeader({ alg: 'HS256', crit: ['b64'], b64: true }).setIssuer('jwt').setSubject('7').setExpirationTime('10m').sign(encoder.encode(secret)) },
  { name: 'HS512', want: 'Invalid token', token: await new jose.SignJWT({ type: 'access' })
    .setProtectedHeader({ alg: 'HS512' }).setIssuer('jwt').setSubject('7').setExpirationTime('10m').sign(encoder.encode(secret.repeat(2))) }
]
console.log(JSON.stringify(out))
