//go:build unix

package lambda

import "syscall"

// processGroup gives a process a group of its own: Ctrl-C in the terminal does
// not reach it, and when this process is killed, its frozen processes are not
// left behind: a stopped process whose group is orphaned gets SIGHUP and SIGCONT
// from the system (POSIX, "Orphaned Process Group"). One that is not frozen
// finds its Runtime API gone, and exits.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// freeze stops the process between invocations, as Lambda does.
func (s *sandbox) freeze() error { return s.command.Process.Signal(syscall.SIGSTOP) }

// thaw lets it go on.
func (s *sandbox) thaw() error { return s.command.Process.Signal(syscall.SIGCONT) }
