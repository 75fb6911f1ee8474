package webhook

// A Sender is a [Provider] or a [Form].
type Sender interface {
	// Form describes how the sender signs.
	Form() Form
}

// A Provider is a sender that this package knows.
type Provider string

// The providers.
const (
	// Standard is Standard Webhooks 1.0, version v1 (HMAC-SHA-256), as many services send
	// it. A secret that begins with whsec_ is base64; another one is used as its bytes.
	Standard Provider = "standard"
	// GitHub is X-Hub-Signature-256. Neither ID nor Type is signed, and there is no time.
	GitHub Provider = "github"
	// Stripe is Stripe-Signature, version v1.
	Stripe Provider = "stripe"
	// Slack is X-Slack-Signature, version v0, of the Events API. For slash commands and
	// interactivity, which have no event_id, clear IDMember of its Form.
	Slack Provider = "slack"
)

// Form implements [Sender]. An application can change the copy: a service that sends
// Standard Webhooks under other names is that form with other fields. The Form of an
// unknown provider is empty, and [New] refuses it.
func (p Provider) Form() Form {
	switch p {
	case Standard:
		return Form{
			Name: "standard", Content: "{id}.{time}.{body}",
			SignatureField: "Webhook-Signature", Signature: "v1,{base64}", Separator: " ",
			TimeField: "Webhook-Timestamp", IDField: "Webhook-Id", TypeMember: "type", SecretPrefix: "whsec_",
		}
	case GitHub:
		return Form{
			Name: "github", Content: "{body}",
			SignatureField: "X-Hub-Signature-256", Signature: "sha256={hex}",
			IDField: "X-GitHub-Delivery", TypeField: "X-GitHub-Event",
		}
	case Stripe:
		return Form{
			Name: "stripe", Content: "{time}.{body}",
			SignatureField: "Stripe-Signature", Signature: "v1={hex}", Separator: ",", TimeElement: "t=",
			IDMember: "id", TypeMember: "type",
		}
	case Slack:
		return Form{
			Name: "slack", Content: "v0:{time}:{body}",
			SignatureField: "X-Slack-Signature", Signature: "v0={hex}", TimeField: "X-Slack-Request-Timestamp",
			IDMember: "event_id", TypeMember: "type", ChallengeType: "url_verification", ChallengeMember: "challenge",
		}
	}
	return Form{}
}

// A Form describes how a service signs its deliveries, with HMAC-SHA-256. Name, Content,
// SignatureField and Signature are required.
type Form struct {
	// Name keeps the ids of senders apart: letters, digits and hyphens, at most 32.
	Name string
	// Content is what is signed, such as "{id}.{time}.{body}". It ends with {body}, and
	// something separates {id} and {time} from what follows. An {id} must not contain the
	// character behind it, so that one content never has two readings.
	Content string

	// SignatureField is the header field of the signature.
	SignatureField string
	// Signature is how one is written: "sha256={hex}", "v1,{base64}". What is written in
	// another way is ignored.
	Signature string
	// Separator is the character between several signatures of one field, of which one
	// must be right. If empty, the field has one.
	Separator string

	// TimeField is the header field of the time, in Unix seconds.
	TimeField string
	// TimeElement is what precedes the time in SignatureField, such as "t=", in place of
	// TimeField.
	TimeElement string

	// IDField is the header field of the id. Where Content has no {id}, it is not signed,
	// and a body that was handled under one id is not handled under another.
	IDField string
	// IDMember is the member of the body, a JSON object, in place of IDField: the first of
	// that name. Without either, the digest of the body is the id.
	IDMember string
	// TypeField is the header field of the type.
	TypeField string
	// TypeMember is the member of the body, in place of TypeField.
	TypeMember string

	// SecretPrefix is what a secret begins with that is base64. Secrets with it have 24
	// bytes or more. If empty, every secret is used as its bytes.
	SecretPrefix string

	// ChallengeType is the type of a delivery that asks whether this endpoint is right, and
	// ChallengeMember the member of its body that answers it. Such a delivery has no id.
	ChallengeType, ChallengeMember string
}

// Form implements [Sender].
func (f Form) Form() Form { return f }
