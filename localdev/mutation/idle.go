package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// deadlocked is how long a test may use no processor at all. On a machine with
// much else to do a test that has something to do still gets some of it.
const deadlocked = 10 * time.Second

// watch calls stop when a process uses no processor for as long as deadlocked,
// until ctx is done. Where there is no /proc it does nothing.
func watch(ctx context.Context, pid int, stop func()) {
	used, since := "", time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the name in
		// brackets is the second field, the times of user and system 14 and 15.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 13 {
			return
		}
		if now := fields[11] + " " + fields[12]; now != used {
			used, since = now, time.Now()
		} else if time.Since(since) > deadlocked {
			stop()
			return
		}
	}
}
