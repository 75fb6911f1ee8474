// Verifies a token of the example's with jose: reads {token, secret, issuer} as
// an argument and prints its payload.
import * as jose from 'jose'

const { token, secret, issuer } = JSON.parse(process.argv[2])
const { payload } = await jose.jwtVerify(token, new TextEncoder().encode(secret), { issuer, algorithms: ['HS256'], requiredClaims: ['sub', 'exp', 'iat'] })
console.log(JSON.stringify(payload))
