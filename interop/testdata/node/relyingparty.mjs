// An application of openid-client, as its README writes one, for comparison with
// signin/oauth. The argument is a JSON object: issuer, id, secret and callback.
//
// It writes {"ready": true}, and then answers each line of its standard input, a JSON
// object, with a JSON object:
//
//   {"do": "begin"}                {"url": …}: where to send the browser
//   {"do": "complete", "url": …}   {"subject": …, "email": …}, or {"refused": …}
//
// As in the README, the caller stores the state of a sign-in. Here it finds it by the
// state of the callback, or takes that of the last sign-in, and forgets none: whether
// one is used twice is left to it.
import readline from 'node:readline';
import * as client from 'openid-client';

const { issuer, id, secret, callback } = JSON.parse(process.argv[2]);
const config = await client.discovery(new URL(issuer), id, undefined, client.ClientSecretBasic(secret), { execute: [client.allowInsecureRequests] });
const pending = new Map();
let last;

async function begin() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true };
  pending.set(checks.expectedState, last = checks);
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  });
  return { url: url.href };
}

async function complete(url) {
  try {
    const checks = pending.get(url.searchParams.get('state')) ?? last;
    const tokens = await client.authorizationCodeGrant(config, url, checks);
    const { sub } = tokens.claims();
    const { email } = await client.fetchUserInfo(config, tokens.access_token, sub);
    return { subject: sub, email };
  } catch (err) {
    return { refused: err.error ?? err.cause?.message ?? err.message };
  }
}

const say = (v) => process.stdout.write(`${JSON.stringify(v)}\n`);
say({ ready: true });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  say(ask.do === 'begin' ? await begin() : await complete(new URL(ask.url)));
}
process.exit(0);
