// Reads {url, secret, signed} from standard input. It sends deliveries that the senders'
// libraries signed to url/SENDER, and verifies with them what guard signed. It writes
// {sent, verified}.
import { createHmac } from "node:crypto";
import { text } from "node:stream/consumers";
import { createRequire } from "node:module";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import Stripe from "stripe";
import * as octokit from "@octokit/webhooks-methods";

const { verifySlackRequest } = createRequire(import.meta.url)("@slack/bolt/dist/receivers/verify-request.js");
const stripe = new Stripe("sk_test_none");
const { url, secret, signed } = JSON.parse(await text(process.stdin));

const seconds = () => Math.floor(Date.now() / 1000);
const standard = (lib) => async (id, body, key) => {
  const at = new Date();
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new lib(key).sign(id, at, body),
  };
};
const senders = {
  standardwebhooks: { path: "standard", sign: standard(Standard) },
  svix: { path: "standard", sign: standard(Svix) },
  octokit: {
    path: "github",
    sign: async (id, body, key) => ({ "x-github-delivery": id, "x-github-event": "push", "x-hub-signature-256": await octokit.sign(key, body) }),
  },
  stripe: {
    path: "stripe",
    sign: async (id, body, key) => ({ "stripe-signature": stripe.webhooks.generateTestHeaderString({ payload: body, secret: key }) }),
  },
  slack: {
    path: "slack", // no library of Slack signs
    sign: async (id, body, key) => {
      const at = String(seconds());
      return { "x-slack-request-timestamp": at, "x-slack-signature": "v0=" + createHmac("sha256", key).update(`v0:${at}:${body}`).digest("hex") };
    },
  },
};

async function post(path, headers, body) {
  const res = await fetch(`${url}/${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  return `${res.status} ${await res.text()}`.trim();
}

const sent = {};
for (const [name, { path, sign }] of Object.entries(senders)) {
  const id = "id-" + name;
  const body = JSON.stringify({ id, event_id: id, type: "order.paid", text: "Grüße, 💚 \u2028" });
  const headers = await sign(id, body, secret);
  const other = await sign(id, body, "whsec_" + Buffer.from("another secret of 32 bytes or so").toString("base64"));
  sent[name] = {
    altered: await post(path, headers, body + " "),
    another: await post(path, other, body),
    first: await post(path, headers, body),
    again: await post(path, headers, body),
    anew: await post(path, await sign(id, body, secret), body),
  };
}

const verify = {
  standard: async (h, body) => {
    new Standard(secret).verify(body, h);
    new Svix(secret).verify(body, h);
  },
  github: async (h, body) => {
    if (!(await octokit.verify(secret, body, h["x-hub-signature-256"]))) throw new Error("forged");
  },
  stripe: async (h, body) => void stripe.webhooks.constructEvent(body, h["stripe-signature"], secret),
  slack: async (h, body) =>
    verifySlackRequest({
      signingSecret: secret,
      body,
      headers: { "x-slack-signature": h["x-slack-signature"], "x-slack-request-timestamp": Number(h["x-slack-request-timestamp"]) },
    }),
};
const verified = {};
for (const { sender, headers, body } of signed) {
  const right = await verify[sender](headers, body).then(() => "verified", String);
  const altered = await verify[sender](headers, body.replace("paid", "sent")).then(() => "verified", () => "refused");
  verified[sender] = `${right}, altered ${altered}`;
}
console.log(JSON.stringify({ sent, verified }));
