//go:build !linux

package redisstore_test

import "syscall"

func endsWithTest() *syscall.SysProcAttr { return nil }
