package sim

import (
	"path"
	"runtime"
	"strings"
)

// Site is a place in the product where one function calls another: Func is the
// caller, such as "sweep.Sweeper.dismiss", Calls the name of what it calls, such
// as "Condemn".
type Site struct{ Func, Calls string }

func (s Site) String() string { return s.Func + " calls " + s.Calls }

const product = "github.com/gapless-rooms/gapless/pkg/"

// callers are the sites on the way to the present call of AWS, which the SDK
// makes in its caller's goroutine.
func callers() []Site {
	pcs := make([]uintptr, 128)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var sites []Site
	inner := ""
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		name, ours := strings.CutPrefix(frame.Function, product)
		if !ours {
			continue
		}
		name = funcName(name)
		// A function within one that was inlined is named after where that was.
		if home := path.Base(path.Dir(frame.File)); !strings.HasPrefix(name, home+".") {
			name = home + name[strings.LastIndexByte(name, '.'):]
		}
		if inner != "" {
			sites = append(sites, Site{name, inner[strings.LastIndexByte(inner, '.')+1:]})
		}
		inner = name
	}
	return sites
}

// funcName is a function's name without its package's path, and without what the
// runtime adds for pointers and for functions within it:
// "aws/dynamo.(*Log).head.func1" is "dynamo.Log.head".
func funcName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.NewReplacer("(*", "", ")", "").Replace(name)
	for {
		i := strings.LastIndexByte(name, '.')
		last := name[i+1:]
		if !strings.HasPrefix(last, "func") && !strings.HasPrefix(last, "gowrap") && strings.Trim(last, "0123456789") != "" {
			return name
		}
		name = name[:i]
	}
}
