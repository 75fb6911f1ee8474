// Verifies the responses of passkeys on standard input, one JSON line each, as an application
// of @simplewebauthn/server does, and writes a line for each: "" for one that is accepted, else
// why it is refused.
import { createInterface } from 'node:readline';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

for await (const line of createInterface({ input: process.stdin })) {
	const { ceremony, body, challenge, id, publicKey, counter, origin, rpID } = JSON.parse(line);
	const expected = { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpID };
	let refusal = '';
	try {
		const response = JSON.parse(body);
		let result;
		if (ceremony === 'create') {
			result = await verifyRegistrationResponse({ response, ...expected });
		} else {
			if (response.id !== id) throw new Error('no such credential'); // the application's look-up
			const credential = { id, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter };
			result = await verifyAuthenticationResponse({ response, ...expected, credential });
		}
		if (!result.verified) refusal = 'not verified';
	} catch (e) {
		refusal = e.message || 'no message';
	}
	console.log(JSON.stringify(refusal));
}
