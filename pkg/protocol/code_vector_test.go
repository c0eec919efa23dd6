package protocol

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// codesFile is testdata/codes.json, which is generated from the code.
type codesFile struct {
	Actions []Action    `json:"actions"`
	Pushes  []Push      `json:"pushes"`
	Errors  []errorCode `json:"errors"`
	Closes  []closeCode `json:"closes"`
	// CloseRanges says what a client does with an unknown code.
	CloseRanges []closeRange `json:"closeRanges"`
}

type errorCode struct {
	Code    Code   `json:"code"`
	Meaning string `json:"meaning"`
}

type closeCode struct {
	Code      int    `json:"code"`
	Reason    string `json:"reason"`
	Reconnect bool   `json:"reconnect"`
}

type closeRange struct {
	From      int  `json:"from"`
	To        int  `json:"to"`
	Reconnect bool `json:"reconnect"`
}

func TestCodeVectors(t *testing.T) {
	t.Parallel()
	file := codesFile{
		Actions: append(Actions(), ActionPing),
		Pushes:  stringConstants[Push](t, "push.go"),
		CloseRanges: []closeRange{
			{3000, 3499, Close{Code: 3000}.Reconnect()},
			{3500, 3999, Close{Code: 3999}.Reconnect()},
		},
	}
	for _, c := range constants(t, "code.go") {
		if c.kind == "Code" {
			file.Errors = append(file.Errors, errorCode{Code(c.text), c.comment})
		}
	}
	for _, c := range closes {
		file.Closes = append(file.Closes, closeCode{c.Code, c.Reason, c.Reconnect()})
	}
	compareVectors(t, "codes.json", file)

	if got, want := len(file.Actions), len(stringConstants[Action](t, "command.go")); got != want {
		t.Errorf("Actions and ping are %d, but %d constants are declared", got, want)
	}
}

func TestLimitVectors(t *testing.T) {
	t.Parallel()
	limits := map[string]int{
		"FrameBytes": FrameBytes, "MaxDataBytes": MaxDataBytes, "MaxIDBytes": MaxIDBytes,
		"MaxInteger": MaxInteger, "MaxKeyBytes": MaxKeyBytes, "MaxRoomBytes": MaxRoomBytes,
		"MaxUserBytes": MaxUserBytes, "MaxSessionBytes": MaxSessionBytes,
		"MaxEpochBytes": MaxEpochBytes, "MaxTokenBytes": MaxTokenBytes, "MaxDepth": MaxDepth,
		"MaxHistory": MaxHistory, "MaxRoomsPerCommand": MaxRoomsPerCommand,
	}
	declared := constants(t, "limits.go")
	for _, c := range declared {
		if _, ok := limits[c.name]; !ok {
			t.Errorf("%s is not in limits.json", c.name)
		}
	}
	if len(declared) != len(limits) {
		t.Errorf("%d limits are declared, %d listed", len(declared), len(limits))
	}
	file := make(map[string]int, len(limits))
	for name, value := range limits {
		first := strings.ToLower(name[:1])
		file[first+name[1:]] = value
	}
	compareVectors(t, "limits.json", file)
}

func TestCloses(t *testing.T) {
	t.Parallel()
	for _, want := range closes {
		if got, ok := CloseByCode(want.Code); !ok || got != want {
			t.Errorf("CloseByCode(%d) = %v, %v", want.Code, got, ok)
		}
		if want.Code < 3000 || want.Code > 3999 {
			t.Errorf("%d is outside what RFC 6455 leaves to libraries and frameworks", want.Code)
		}
	}
	if _, ok := CloseByCode(3499); ok {
		t.Error("3499 is not a code of ours")
	}
}

// constant is one declared constant.
type constant struct {
	name, kind, text, comment string
}

// constants reads the constants of one of our files, to find lists that lack one.
func constants(t *testing.T, file string) []constant {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var found []constant
	for _, decl := range tree.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			c := constant{name: value.Names[0].Name, comment: strings.TrimSpace(value.Comment.Text())}
			if kind, ok := value.Type.(*ast.Ident); ok {
				c.kind = kind.Name
			}
			if literal, ok := value.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if c.text, err = strconv.Unquote(literal.Value); err != nil {
					t.Fatal(err)
				}
			}
			found = append(found, c)
		}
	}
	return found
}

// stringConstants returns the values of a file's constants of one type.
func stringConstants[T ~string](t *testing.T, file string) []T {
	t.Helper()
	var values []T
	for _, c := range constants(t, file) {
		if c.kind != "" {
			values = append(values, T(c.text))
		}
	}
	return values
}
