package password

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A List reports whether a password is one that many people use or that was leaked.
// It is for Options.Refuse, and safe for use by several goroutines. An error means
// that it could not be looked up.
type List func(ctx context.Context, pw string) (listed bool, err error)

const sha1Hex = 2 * sha1.Size

// ReadList reads a list with one password a line, or with SHA-1 digests in
// hexadecimal as lines of Have I Been Pwned have them, "digest:count", in any order.
// Lists of passwords are compared without regard to case. The List takes 8 bytes of
// memory a line, and three times that while it is read: 8 MB for a million lines. A
// list without a line, or with one of more than 64 KiB, is an error.
func ReadList(r io.Reader) (List, error) {
	var digests []uint64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Bytes()
		if len(digests) == 0 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) == 0 {
			continue
		}
		sum, ok := parseDigest(line)
		if !ok {
			sum = sha1.Sum(bytes.ToLower(line))
		}
		digests = append(digests, binary.BigEndian.Uint64(sum[:]))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("password: reading a list: %w", err)
	}
	if len(digests) == 0 {
		return nil, errors.New("password: a list is empty")
	}
	slices.Sort(digests)
	digests = slices.Clip(slices.Compact(digests))
	return func(_ context.Context, pw string) (bool, error) {
		for _, spelling := range []string{pw, strings.ToLower(pw)} {
			sum := sha1.Sum([]byte(spelling))
			if _, found := slices.BinarySearch(digests, binary.BigEndian.Uint64(sum[:])); found {
				return true, nil
			}
		}
		return false, nil
	}, nil
}

// parseDigest parses a digest, and a colon and what follows it.
func parseDigest(line []byte) (sum [sha1.Size]byte, ok bool) {
	if len(line) < sha1Hex || len(line) > sha1Hex && line[sha1Hex] != ':' {
		return sum, false
	}
	_, err := hex.Decode(sum[:], line[:sha1Hex])
	return sum, err == nil
}

// SearchPwned searches the SHA-1 file of Have I Been Pwned, whose lines
// "digest:count" are sorted by the digest, in place: it takes no memory, and about 40
// reads of 256 bytes a password. The file must not change while it is in use.
// SearchPwned returns an error if the file does not begin with such a line, and the List
// does if it reads a line of another kind.
func SearchPwned(file io.ReaderAt, size int64) (List, error) {
	s := sortedFile{file, max(size, 0)}
	if _, _, _, err := s.lineAt(0); err != nil {
		return nil, err
	}
	return func(_ context.Context, pw string) (bool, error) {
		return s.contains(sha1.Sum([]byte(pw)))
	}, nil
}

type sortedFile struct {
	file io.ReaderAt
	size int64
}

func (s sortedFile) contains(digest [sha1.Size]byte) (bool, error) {
	low, high := int64(0), s.size // the line begins in between, if there is one
	for low < high {
		sum, start, end, err := s.lineAt(low + (high-low)/2)
		if err != nil {
			return false, err
		}
		switch c := bytes.Compare(digest[:], sum[:]); {
		case c == 0:
			return true, nil
		case c < 0:
			high = start
		default:
			low = end
		}
	}
	return false, nil
}

// lineAt returns the digest of the line around an offset, where it begins and where
// the next one begins.
func (s sortedFile) lineAt(offset int64) (sum [sha1.Size]byte, start, end int64, err error) {
	const longest = 128
	var b [2 * longest]byte
	base := max(0, offset-longest)
	n, err := s.file.ReadAt(b[:min(int64(len(b)), s.size-base)], base)
	if err != nil && !errors.Is(err, io.EOF) {
		return sum, 0, 0, fmt.Errorf("password: searching a list: %w", err)
	}
	at := int(offset - base)
	if at >= n {
		return sum, 0, 0, errors.New("password: a list is empty or was truncated")
	}
	first := bytes.LastIndexByte(b[:at], '\n') + 1
	last := n
	if i := bytes.IndexByte(b[at:n], '\n'); i >= 0 {
		last = at + i + 1
	}
	sum, ok := parseDigest(bytes.TrimRight(b[first:last], "\r\n"))
	if !ok {
		return sum, 0, 0, errors.New("password: a list has no line of SHA-1 in hexadecimal where it is read")
	}
	return sum, base + int64(first), base + int64(last), nil
}
