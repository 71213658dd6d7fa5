package spanmill

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A small reader of JSON: encoding/json would add a megabyte to each component.

// jsonObject keeps the order of its keys, so that mistakes are told in the order they stand.
type jsonObject struct {
	keys   []string
	values []any
}

func (o *jsonObject) get(key string) (any, bool) {
	for at := len(o.keys) - 1; at >= 0; at-- {
		if o.keys[at] == key {
			return o.values[at], true
		}
	}
	return nil, false
}

// jsonNumber is a number as it is written.
type jsonNumber string

type jsonReader struct {
	text string
	at   int
}

var errJSON = errors.New("is no JSON")

// The limit that encoding/json has.
const maxDepth = 10000

func parseJSON(text string) (any, error) {
	reader := &jsonReader{text: text}
	value, err := reader.value(0)
	if err != nil {
		return nil, err
	}
	reader.space()
	if reader.at != len(text) {
		return nil, errJSON
	}
	return value, nil
}

func (r *jsonReader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *jsonReader) take(token string) bool {
	r.space()
	if strings.HasPrefix(r.text[r.at:], token) {
		r.at += len(token)
		return true
	}
	return false
}

func (r *jsonReader) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errJSON
	}
	switch {
	case r.take("null"):
		return nil, nil
	case r.take("true"):
		return true, nil
	case r.take("false"):
		return false, nil
	case r.take("{"):
		return r.object(depth)
	case r.take("["):
		return r.list(depth)
	case r.take(`"`):
		return r.string()
	}
	return r.number()
}

func (r *jsonReader) object(depth int) (any, error) {
	object := &jsonObject{}
	if r.take("}") {
		return object, nil
	}
	for {
		if !r.take(`"`) {
			return nil, errJSON
		}
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		if !r.take(":") {
			return nil, errJSON
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object.keys = append(object.keys, key)
		object.values = append(object.values, value)
		if r.take("}") {
			return object, nil
		}
		if !r.take(",") {
			return nil, errJSON
		}
	}
}

func (r *jsonReader) list(depth int) (any, error) {
	list := []any{}
	if r.take("]") {
		return list, nil
	}
	for {
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if r.take("]") {
			return list, nil
		}
		if !r.take(",") {
			return nil, errJSON
		}
	}
}

func (r *jsonReader) number() (any, error) {
	start := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.0123456789eE", r.text[r.at]) >= 0 {
		r.at++
	}
	text := r.text[start:r.at]
	if _, err := strconv.ParseFloat(text, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errJSON
	}
	return jsonNumber(text), nil
}

func (r *jsonReader) string() (string, error) {
	start := r.at
	for r.at < len(r.text) && r.text[r.at] != '"' && r.text[r.at] != '\\' {
		r.at++
	}
	if r.at < len(r.text) && r.text[r.at] == '"' {
		r.at++
		return r.text[start : r.at-1], nil
	}
	text := []byte(r.text[start:r.at])
	for r.at < len(r.text) {
		letter := r.text[r.at]
		r.at++
		switch {
		case letter == '"':
			return string(text), nil
		case letter != '\\':
			text = append(text, letter)
			continue
		case r.at == len(r.text):
			return "", errJSON
		}
		escaped := r.text[r.at]
		r.at++
		if at := strings.IndexByte(`"\/bfnrt`, escaped); at >= 0 {
			text = append(text, "\"\\/\b\f\n\r\t"[at])
			continue
		}
		if escaped != 'u' {
			return "", errJSON
		}
		char, err := r.hex()
		if err != nil {
			return "", err
		}
		if utf16.IsSurrogate(char) && strings.HasPrefix(r.text[r.at:], `\u`) {
			r.at += 2
			low, err := r.hex()
			if err != nil {
				return "", err
			}
			char = utf16.DecodeRune(char, low)
		}
		text = utf8.AppendRune(text, char)
	}
	return "", errJSON
}

func (r *jsonReader) hex() (rune, error) {
	if len(r.text)-r.at < 4 {
		return 0, errJSON
	}
	char, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 32)
	if err != nil {
		return 0, errJSON
	}
	r.at += 4
	return rune(char), nil
}
