package password_test

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/password"
)

// pwned returns lines of Have I Been Pwned for passwords: "digest:count", sorted.
func pwned(end string, passwords ...string) string {
	var lines []string
	for i, pw := range passwords {
		lines = append(lines, fmt.Sprintf("%X:%d%s", sha1.Sum([]byte(pw)), i*i*i+1, end))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func isListed(t *testing.T, list password.List, pw string, want bool) {
	t.Helper()
	if listed, err := list(t.Context(), pw); listed != want || err != nil {
		t.Errorf("%q: %t, %v", pw, listed, err)
	}
}

func TestReadList(t *testing.T) {
	for name, text := range map[string]string{
		"passwords":         "123456\nPassword1\n\nqwertz uiop\n",
		"with CRLF and BOM": "\ufeff123456\r\npassword1\r\nqwertz uiop",
		"digests":           pwned("\r\n", "123456", "password1", "qwertz uiop"),
		"digests alone":     fmt.Sprintf("%x\n%X\n%x", sha1.Sum([]byte("123456")), sha1.Sum([]byte("password1")), sha1.Sum([]byte("qwertz uiop"))),
	} {
		t.Run(name, func(t *testing.T) {
			list, err := password.ReadList(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			for _, pw := range []string{"123456", "password1", "PASSWORD1", "qwertz uiop"} {
				isListed(t, list, pw, true)
			}
			for _, pw := range []string{"", "12345", "password", "qwertz", "\n", "\ufeff123456"} {
				isListed(t, list, pw, false)
			}
		})
	}
	for name, r := range map[string]io.Reader{
		"empty": strings.NewReader(""), "blank lines": strings.NewReader("\n\n"),
		"a long line": strings.NewReader("a\n" + strings.Repeat("x", 1<<17)), "a failure": io.MultiReader(strings.NewReader("a\n"), failing{}),
	} {
		if list, err := password.ReadList(r); err == nil || list != nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)          { return 0, errors.New("disk") }
func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk") }

func TestSearchPwned(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprint("password", i))
	}
	for _, n := range []int{1, 2, 3, 999, 1000} {
		for _, end := range []string{"\n", "\r\n"} {
			text := pwned(end, all[:n]...)
			for _, text := range []string{text, strings.TrimSuffix(text, end), strings.ToLower(text)} {
				list, err := password.SearchPwned(strings.NewReader(text), int64(len(text)))
				if err != nil {
					t.Fatal(err)
				}
				for i, pw := range all {
					isListed(t, list, pw, i < n)
				}
				isListed(t, list, "", false)
			}
		}
	}
}

func TestSearchPwnedFails(t *testing.T) {
	const line = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004\n" // of "password"
	for name, file := range map[string]io.ReaderAt{
		"empty": strings.NewReader(""), "passwords": strings.NewReader("123456\npassword\n"), "NTLM": strings.NewReader("8846F7EAEE8FB117AD06BDD830B7586C:3\n"),
		"a failure": failing{}, "no colon": strings.NewReader(strings.Replace(line, ":", ";", 1)), "a blank line": strings.NewReader("\n" + line),
	} {
		for _, size := range []int64{-1, 0, 7, 52, 1 << 40} {
			if list, err := password.SearchPwned(file, size); err == nil || list != nil {
				t.Errorf("%s of %d bytes is accepted", name, size)
			}
		}
	}
	text := line + "here is another\n" + line
	list, err := password.SearchPwned(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if listed, err := list(t.Context(), "correct horse"); listed || err == nil {
		t.Error("a line that is none is accepted")
	}
	truncated := bytes.NewReader([]byte(line))
	if list, err = password.SearchPwned(truncated, 1<<20); err != nil {
		t.Fatal(err)
	}
	if listed, err := list(t.Context(), "correct horse"); listed || err == nil {
		t.Error("a truncated file is accepted")
	}
}

// FuzzSearchPwned compares a search in place with the list in memory.
func FuzzSearchPwned(f *testing.F) {
	f.Add("a\nb\nc", "b")
	f.Add("correct horse", "battery staple")
	f.Fuzz(func(t *testing.T, lines, pw string) {
		text := pwned("\n", strings.Split(lines, "\n")...)
		searched, err := password.SearchPwned(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		isListed(t, searched, pw, slices.Contains(strings.Split(lines, "\n"), pw))
	})
}
