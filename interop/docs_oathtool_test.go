package interop_test

// oathtool is an authenticator in place of Debian's program of this name, with the
// arguments that the pages use.
const oathtool = `package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	step := time.Now().Unix() / 30
	if strings.Contains(strings.Join(os.Args, " "), "-N now + 30 seconds ") {
		step++
	}
	secret, err := base32.StdEncoding.DecodeString(os.Args[len(os.Args)-1])
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	fmt.Printf("%06d\n", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}
`
