//go:build !unix

package lambda

import "syscall"

func processGroup() *syscall.SysProcAttr { return nil }

// freeze does nothing: this system has no signal that stops a process.
func (*sandbox) freeze() error { return nil }

func (*sandbox) thaw() error { return nil }
