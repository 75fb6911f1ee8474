package redisstore_test

import "syscall"

// endsWithTest kills a server also if the test program ends without its cleanup, as after
// a panic or a timeout.
func endsWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
