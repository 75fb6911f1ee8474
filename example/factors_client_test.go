package main_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	bits "encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// codeAt is the code of an authenticator (RFC 6238), some steps from now.
func codeAt(secret string, steps int64) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = bits.Write(mac, bits.BigEndian, time.Now().Unix()/30+steps)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", bits.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

// early sends the code of the step before now, so that those of this step and the next
// stay for the test. That code is too old if the step ends before it arrives: then it sends
// another.
func early(secret string, send func(code string) answer) (code string, a answer) {
	for {
		step := time.Now().Unix() / 30
		code = codeAt(secret, -1)
		if a = send(code); a.status != 401 || time.Now().Unix()/30 == step {
			return code, a
		}
	}
}

// A person is a browser, or a program with a cookie jar.
type person struct {
	cookies   map[string]string
	from      int    // as of a call
	confirmed string // the code that confirmed the second factor: spent, whatever step it is now
}

func newPerson() *person { return &person{cookies: map[string]string{}} }

func (v *person) copy() *person {
	c := *v
	c.cookies = maps.Clone(v.cookies)
	return &c
}

func (v *person) do(t *testing.T, p *process, c call) answer {
	t.Helper()
	for name, value := range v.cookies {
		c.header = append([]string{"Cookie: " + name + "=" + value}, c.header...)
	}
	c.from = v.from
	a := p.send(t, c)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return a
}

func (v *person) post(t *testing.T, p *process, path string, members map[string]string) answer {
	t.Helper()
	b, _ := json.Marshal(members)
	return v.do(t, p, call{do: "POST " + path, body: string(b)})
}

const (
	loggedIn    = `{"message":"Logged in successfully"}`
	codeNext    = `{"next":"totp"}`
	onItsWay    = `{"message":"If the account exists, a link is on its way"}`
	changed     = `{"message":"Password changed"}`
	transferred = `{"message":"Transferred"}`
)

var (
	badLink    = e(400, "Invalid or expired link")
	badCode    = e(401, "Invalid code")
	notRecent  = e(401, "Recent authentication required")
	noSession  = e(401, "Not authenticated")
	newSecret  = `~^{"secret":"[A-Z2-7]{32}","uri":"otpauth://totp/[^"]+"}$`
	tooManyBad = e(429, "")
)

// mails waits until n mails went to an address, and returns them: each is a line of -dev.
func (p *process) mails(t *testing.T, address string, n int) []string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^mail to ` + regexp.QuoteMeta(address) + `: (.+)$`)
	for deadline := time.Now().Add(harness.Patience); ; time.Sleep(10 * time.Millisecond) {
		var mails []string
		for _, m := range line.FindAllStringSubmatch(p.logs(), -1) {
			mails = append(mails, m[1])
		}
		if len(mails) >= n {
			return mails
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails to %s, want %d: %s", len(mails), address, n, p.logs())
		}
	}
}

// link asks for a link, and returns its token.
func (p *process) link(t *testing.T, path, email string) (token string) {
	t.Helper()
	n := len(p.links(t, path, email))
	row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, path, map[string]string{"email": email}))
	for all := len(p.mails(t, email, 0)); ; all++ { // another mail may arrive meanwhile
		if links := p.links(t, path, email); len(links) > n {
			u, err := url.Parse(links[n])
			if err != nil || u.Path != path {
				t.Fatalf("%q is no link to %s", links[n], path)
			}
			return u.Query().Get("token")
		}
		p.mails(t, email, all+1)
	}
}

// links are the mails to an address that have a link to path.
func (p *process) links(t *testing.T, path, email string) []string {
	t.Helper()
	return slices.DeleteFunc(p.mails(t, email, 0), func(mail string) bool { return !strings.Contains(mail, path+"?token=") })
}

// enroll adds a factor to the account of body's login. The code of the step before now is
// spent.
func enroll(t *testing.T, p *process, body string) (v *person, secret string, recovery []string) {
	t.Helper()
	v = newPerson()
	row{status: 200, body: loggedIn}.check(t, v.do(t, p, call{do: "POST /totp/login", body: body}))
	a := v.do(t, p, call{do: "POST /totp/enroll"})
	row{call: call{do: "enroll"}, status: 200, body: newSecret, header: []string{"Cache-Control: no-store"}}.check(t, a)
	var enrolled struct {
		Secret   string
		Recovery []string `json:"recovery_codes"`
	}
	if err := json.Unmarshal([]byte(a.body), &enrolled); err != nil {
		t.Fatal(err)
	}
	v.confirmed, a = early(enrolled.Secret, func(code string) answer {
		return v.post(t, p, "/totp/confirm", map[string]string{"code": code})
	})
	row{call: call{do: "confirm"}, status: 200, header: []string{"Cache-Control: no-store"}}.check(t, a)
	if err := json.Unmarshal([]byte(a.body), &enrolled); err != nil || len(enrolled.Recovery) != 10 {
		t.Fatalf("%v: %v", err, a)
	}
	return v, enrolled.Secret, enrolled.Recovery
}

// half signs in by the password of an account that has a second factor.
func half(t *testing.T, p *process, path, body string) *person {
	t.Helper()
	v := newPerson()
	row{call: call{do: path}, status: 200, body: codeNext, header: []string{"Set-Cookie: ~^session="}}.check(t, v.do(t, p, call{do: "POST " + path, body: body}))
	return v
}

// raceCode sends one code of an account from 64 half sign-ins at a time, to processes in
// turn. It completes one. code is called when all have begun: they may take longer than a
// code is good.
func raceCode(t *testing.T, path, body string, code func() string, on ...*process) {
	t.Helper()
	var people []*person
	for i := range 64 {
		people = append(people, half(t, on[i%len(on)], path, body))
		people[i].from = 10 + i // an address has a limit, too
	}
	now := code()
	oneOf64(t, func(i int) answer { return people[i].verify(t, on[i/2%len(on)], now) }, 401, 429)
}

func (v *person) verify(t *testing.T, p *process, code string) answer {
	t.Helper()
	return v.post(t, p, "/totp/verify", map[string]string{"code": code})
}
