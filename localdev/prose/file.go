package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// text is a comment or a paragraph.
type text struct {
	line    int
	content string
}

// skipped are folders that hold what others or programs wrote.
var skipped = []string{".git", "node_modules", "build", "dist", "cdk.out", "assembly"}

// search returns the findings of all files below a folder, by folder.
func search(root string) (map[string][]finding, error) {
	found := map[string][]finding{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(skipped, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		texts, err := readTexts(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		for _, t := range texts {
			found[folder] = append(found[folder], check(name, t.line, t.content)...)
		}
		return nil
	})
	for folder, findings := range found {
		if len(findings) == 0 {
			delete(found, folder)
		}
	}
	return found, err
}

// readTexts returns what people read in a file; nothing of a file of another
// kind.
func readTexts(name string) ([]text, error) {
	read := map[string]func(string) []text{
		".md": paragraphs, ".ts": scriptComments, ".tsx": scriptComments, ".mjs": scriptComments,
	}[path.Ext(name)]
	switch {
	case path.Ext(name) == ".go":
		return goComments(name)
	case filepath.Base(name) == "Makefile":
		read = hashComments
	case read == nil:
		return nil, nil
	}
	b, err := os.ReadFile(name) //nolint:gosec // ours
	if err != nil {
		return nil, err
	}
	return read(string(b)), nil
}

func goComments(name string) ([]text, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var texts []text
	for _, group := range file.Comments {
		texts = append(texts, text{files.Position(group.Pos()).Line, group.Text()})
	}
	return texts, nil
}

var (
	code = regexp.MustCompile("`[^`]*`")
	link = regexp.MustCompile(`\]\([^)]*\)`)
)

// paragraphs returns the paragraphs, list items and table rows of Markdown,
// without code and addresses.
func paragraphs(content string) []text {
	var texts []text
	var fenced, off, open bool
	for i, line := range strings.Split(content, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			fenced, open = !fenced, false
			continue
		case trimmed == "<!-- prose: off -->":
			off, open = true, false
			continue
		case trimmed == "<!-- prose: on -->":
			off, open = false, false
			continue
		}
		if fenced || off || trimmed == "" || strings.HasPrefix(line, "    ") && !open {
			open = false
			continue
		}
		if !open || strings.ContainsAny(trimmed[:1], "|-#*>") {
			texts = append(texts, text{line: i + 1})
			open = true
		}
		last := &texts[len(texts)-1]
		last.content += " " + strings.TrimLeft(trimmed, "|-#*> ")
	}
	for i := range texts {
		texts[i].content = link.ReplaceAllString(code.ReplaceAllString(texts[i].content, "`x`"), "]")
	}
	return texts
}

// scriptComments returns the comments of JavaScript and TypeScript. Line comments
// that follow each other are one text.
func scriptComments(content string) []text {
	var texts []text
	var block, line bool
	for i, raw := range strings.Split(content, "\n") {
		trimmed := strings.TrimSpace(raw)
		switch {
		case block:
			texts[len(texts)-1].content += " " + strings.TrimLeft(strings.TrimSuffix(trimmed, "*/"), "* ")
			block = !strings.Contains(trimmed, "*/")
			continue
		case strings.HasPrefix(trimmed, "/*"):
			texts = append(texts, text{i + 1, strings.TrimLeft(strings.TrimSuffix(trimmed, "*/"), "/* ")})
			block = !strings.Contains(trimmed, "*/")
			line = false
			continue
		}
		_, comment, found := strings.Cut(" "+trimmed, " // ")
		switch {
		case !found:
			line = false
		case line && strings.HasPrefix(trimmed, "//"):
			texts[len(texts)-1].content += " " + comment
		default:
			texts = append(texts, text{i + 1, comment})
			line = strings.HasPrefix(trimmed, "//")
		}
	}
	return texts
}

// hashComments returns the comments of a Makefile. Whole lines that follow each
// other are one text; the help behind a target is another.
func hashComments(content string) []text {
	var texts []text
	open := false
	for i, raw := range strings.Split(content, "\n") {
		trimmed := strings.TrimPrefix(strings.TrimSpace(raw), "@")
		if whole := strings.HasPrefix(trimmed, "#"); whole && open {
			texts[len(texts)-1].content += " " + strings.TrimLeft(trimmed, "# ")
		} else if whole {
			texts, open = append(texts, text{i + 1, strings.TrimLeft(trimmed, "# ")}), true
		} else {
			open = false
			if _, help, found := strings.Cut(trimmed, " ## "); found {
				texts = append(texts, text{i + 1, help})
			}
		}
	}
	return texts
}

// readAllowed reads counts by folder.
func readAllowed(name string) (allowed map[string]int, err error) {
	file, err := os.Open(name) //nolint:gosec // ours
	if err != nil {
		return nil, fmt.Errorf("read allowed counts: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	allowed = map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		count, folder, ok := strings.Cut(lines.Text(), " ")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			return nil, fmt.Errorf("read allowed counts: %q is not a count and a folder", lines.Text())
		}
		allowed[folder] = n
	}
	return allowed, nil
}

func writeAllowed(name string, allowed map[string]int) error {
	var b strings.Builder
	for _, folder := range slices.Sorted(maps.Keys(allowed)) {
		fmt.Fprintf(&b, "%d %s\n", allowed[folder], folder)
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil { //nolint:gosec // committed
		return fmt.Errorf("write allowed counts: %w", err)
	}
	return nil
}
