package spanmill

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// A Problem is one mistake in the settings.
type Problem struct {
	// Path is a JSON pointer, such as /actions/0/key; empty: the whole.
	Path string
	// Message is what is wrong and what to do, in lower case, without a full stop.
	Message string
}

// Problems are mistakes in the settings, all of them.
type Problems []Problem

// Add notes a mistake.
func (p *Problems) Add(path, message string) { *p = append(*p, Problem{path, message}) }

// Err is nil if there is no mistake.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Error lists the mistakes.
func (p Problems) Error() string {
	var text strings.Builder
	for at, problem := range p {
		if at > 0 {
			text.WriteString("; ")
		}
		if problem.Path != "" {
			text.WriteString(problem.Path + ": ")
		}
		text.WriteString(problem.Message)
	}
	return text.String()
}

// Unavailable is an error of Configure: the plugin cannot run here, whatever the settings.
type Unavailable string

func (u Unavailable) Error() string { return "the plugin cannot run here: " + string(u) }

// StateError is an error of Process: the plugin's own state is broken, and the instance is made anew. Any other error
// refuses just the batch. No attribute value may stand in the message of either.
type StateError string

func (s StateError) Error() string { return "the plugin's state is broken: " + string(s) }

// ErrFormat is an error of Restore: a layout that this version does not know. Any other says why the data do not have the
// layout.
var ErrFormat = errors.New("the saved state has a format that is not known")

// Closest is the candidate that a misspelt name most likely means: at most two letters or a third of them differ.
func Closest(name string, candidates []string) (string, bool) {
	letters := utf8.RuneCountInString(name)
	limit := 1
	if letters > 3 {
		limit = 2
	}
	limit = max(limit, letters/3)
	best, found := "", false
	for _, candidate := range candidates {
		if far := distance(strings.ToLower(name), strings.ToLower(candidate)); far <= limit && (!found || far < distance(strings.ToLower(name), strings.ToLower(best))) {
			best, found = candidate, true
		}
	}
	return best, found
}

// Levenshtein's distance.
func distance(left, right string) int {
	letters := []rune(right)
	row := make([]int, len(letters)+1)
	for at := range row {
		row[at] = at
	}
	line := 0
	for _, letter := range left {
		diagonal := row[0]
		line++
		row[0] = line
		for at, other := range letters {
			above := row[at+1]
			cost := diagonal
			if letter != other {
				cost++
			}
			row[at+1] = min(cost, above+1, row[at]+1)
			diagonal = above
		}
	}
	return row[len(letters)]
}
