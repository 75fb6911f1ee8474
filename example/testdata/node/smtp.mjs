// An SMTP server that prints its port, and then each mail that it received, a line of JSON
// each. It accepts what is well-formed only.
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const server = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  async onData(stream, session, done) {
    const mail = await simpleParser(stream);
    console.log(
      JSON.stringify({
        sender: session.envelope.mailFrom.address,
        recipients: session.envelope.rcptTo.map((to) => to.address),
        from: mail.from?.text,
        to: mail.to?.text,
        subject: mail.subject,
        text: mail.text,
        fields: [...mail.headers.keys()].sort(),
      }),
    );
    done();
  },
});
server.listen(0, "127.0.0.1", () => console.log(server.server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
