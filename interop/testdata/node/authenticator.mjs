// Authenticators: jsQR reads the picture of an enrollment, otpauth the URI in it, and
// otplib and otpauth each generate codes. Standard input is
//
//   [{"width": …, "dark": base64 of a byte for each pixel, "times": [seconds, …]}, …]
//
// and standard output a list of {"uri", "issuer", "account", "secret", "digits",
// "otplib": [code, …], "otpauth": [code, …]}.
import jsqr from 'jsqr';
import { generate } from 'otplib';
import { TOTP, URI } from 'otpauth';
import { text } from 'node:stream/consumers';

const read = jsqr.default ?? jsqr;

async function scan({ width, dark, times }) {
  const pixels = Buffer.from(dark, 'base64');
  const rgba = new Uint8ClampedArray(4 * pixels.length).fill(255);
  pixels.forEach((isDark, i) => { if (isDark) rgba.fill(0, 4 * i, 4 * i + 3); });
  const uri = read(rgba, width, pixels.length / width)?.data;
  if (!uri) return {};
  const otp = URI.parse(uri);
  if (!(otp instanceof TOTP) || otp.algorithm !== 'SHA1' || otp.period !== 30) throw new Error(`not what was enrolled: ${uri}`);
  const { issuer, label: account, digits } = otp;
  const secret = otp.secret.base32;
  return {
    uri, issuer, account, secret, digits,
    otplib: await Promise.all(times.map((epoch) => generate({ secret, digits, epoch }))),
    otpauth: times.map((t) => otp.generate({ timestamp: 1000 * t })),
  };
}

console.log(JSON.stringify(await Promise.all(JSON.parse(await text(process.stdin)).map(scan))));
