package main

import (
	"regexp"
	"strings"
)

// rule recognises one habit, and says what to write in its place.
type rule struct {
	pattern *regexp.Regexp
	plain   string
	// but, if not nil, excuses what the pattern matches.
	but *regexp.Regexp
}

func habit(pattern, plain string) rule {
	return rule{pattern: regexp.MustCompile(`(?i)` + pattern), plain: plain}
}

func (r rule) except(pattern string) rule {
	r.but = regexp.MustCompile(`(?i)` + pattern)
	return r
}

// rules are the habits that a program can recognise. Habit 5, the word that
// refers to nothing, is not among them.
var rules = []rule{
	// 1. A clause in place of a name.
	habit(`\b(\w+ )?(is|are|was|were) (by |for |from |up to |after |over |in )?(how (long|many|much|far|often|late|soon)|how|what|whose|when)\b`, "name the thing: the time, the number, the reason").
		except(`^(that|this) is how$`),
	habit(`\bis why\b[.,;:]`, "is the reason"),
	// 2. A clause as a subject.
	habit(`(^|[.!?:] )(?-i:That) (the|a|an|no|each|every|all|it|they|we|there|nothing|nobody|what|some|its) `, "begin with the subject, not with a clause"),
	// 3. Archaic words.
	habit(`\banew\b`, "again, or starts over"),
	habit(`\bfor ever\b`, "forever"),
	habit(`\bwhosever\b|\bwhosoever\b`, "whose"),
	habit(`\b(can|could|to|cannot) be had\b`, "is available, is unavailable"),
	habit(`\bbut for\b`, "except"),
	habit(`\bin the place of\b`, "in place of, or replaces"),
	habit(`\ball the same\b`, "anyway"),
	// 4. The negated article.
	habit(`\b(\w+ )?(is|are|was|were) no \w+`, "is not a").
		except(`^there |^(is|are|was|were) there |no (longer|more|fewer|less|later|earlier|older|newer|larger|smaller|slower|faster|better|worse|such|one)$`),
	// 6. The word of time for a reason.
	habit(`[,;] since (the|a|an|it|its|they|we|this|that|no|each|every|nothing|nobody|there|only|all|one|two|both|some|what|which|whoever)\b`, "because"),
	// 7. The wrong word for an extreme case.
	habit(`\balso (when|if|while|where|after|before|without|those|whoever)\b`, "even when, even if"),
	// 8. Causatives.
	habit(`\b(see|sees|saw|seen|seeing) to it\b`, "ensures, or the verb itself"),
	habit(`\b(has|have) ((the|each|every|all|its|another) \w+|it|them) (take|make|do|go|come|ask|tell|send|keep|pass|join|leave|reach|be|see|begin|wait|run|start|end|read|write|answer|show|fail|die)\b`, "makes, or the verb itself"),
}

// space separates words: a comment's text may be wrapped.
var space = regexp.MustCompile(`\s+`)

// check looks for the habits in one text.
func check(file string, line int, text string) []finding {
	text = strings.TrimSpace(space.ReplaceAllString(text, " "))
	var findings []finding
	for _, r := range rules {
		for _, match := range r.pattern.FindAllString(text, -1) {
			if r.but == nil || !r.but.MatchString(match) {
				findings = append(findings, finding{file, line, strings.TrimSpace(match), r.plain})
			}
		}
	}
	return findings
}
