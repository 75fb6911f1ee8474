package jwtauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// checkPrefix returns the mistakes of a Prefix.
func checkPrefix(t Trust) error {
	if t.Prefix == "" {
		return nil
	}
	name, ends := strings.CutSuffix(t.Prefix, ":")
	if !ends || !isPrefixName(name) {
		return fmt.Errorf(`jwtauth: Prefix %q is not letters, digits, "-", "_" or "." and a colon`, t.Prefix)
	}
	if t.InsecureSameSubjects {
		return errors.New("jwtauth: InsecureSameSubjects contradicts Prefix")
	}
	return nil
}

// nameSubject replaces the sub of t by what the application calls the subject: that
// of Trust.Subject if there is none, behind the Prefix. A Denylist has the sub itself.
func (v *Verifier[C]) nameSubject(t *Token[C], payload []byte) error {
	if t.subject == "" {
		var err error
		if t.subject, err = t.by.askSubject(payload); err != nil {
			return err
		}
	}
	if t.by.Prefix != "" {
		t.subject = t.by.Prefix + t.subject
		return nil
	}
	if v.found != nil && !t.by.InsecureSameSubjects && beginsWithPrefix(t.subject) {
		return errOthersSubject // perhaps: those that TrustFunc returns are not known
	}
	for _, prefix := range v.prefixes { // in any case, as some databases compare
		if len(t.subject) >= len(prefix) && strings.EqualFold(t.subject[:len(prefix)], prefix) {
			return errOthersSubject
		}
	}
	return nil
}

// sub returns the subject without the Prefix.
func (t *Token[C]) sub() string {
	if t.by == nil {
		return t.subject
	}
	return strings.TrimPrefix(t.subject, t.by.Prefix)
}

// beginsWithPrefix reports whether a subject begins with what could be a Prefix.
func beginsWithPrefix(subject string) bool {
	name, _, ok := strings.Cut(subject, ":")
	return ok && isPrefixName(name)
}

func isPrefixName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	})
}

// askSubject returns the subject of a payload without sub.
func (t *issuerConfig) askSubject(payload []byte) (string, error) {
	var claims map[string]any
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber() // of two large ids, float64 would make one
	if err := d.Decode(&claims); err != nil {
		return "", errJSON // the strict reader has accepted it
	}
	answer := t.Subject(claims)
	namespace, name, ok := strings.Cut(answer, ":")
	switch {
	case answer == "", ok && namespace != "" && name == "":
		return "", errNoMapping
	case !ok || namespace == "":
		return "", errors.New(`jwtauth: Subject returned a subject without a namespace such as "client:"`)
	}
	return answer, nil
}
