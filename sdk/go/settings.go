package spanmill

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Settings are the component's section of the manifest, as JSON.
type Settings string

// Decode reads settings into a struct, by the names in its json tags. Keys with the option omitempty, pointers and keys of
// fields that hold a value already need not be there; others must. It gives every mistake: the plugin adds its own, and
// returns them all with [Problems.Err].
//
//	type settings struct {
//		Routes []string `json:"routes"`
//		Most   int      `json:"most,omitempty"`
//	}
//
// Fields may be strings, booleans, integers, floats, structs, slices, maps by string, pointers to those, and any.
func (s Settings) Decode(into any) Problems {
	var problems Problems
	value, err := parseJSON(string(s))
	if err != nil {
		problems.Add("", "the settings are no JSON")
		return problems
	}
	// An empty section of the manifest.
	if value == nil {
		value = &jsonObject{}
	}
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic("spanmill: Decode wants a pointer to a struct")
	}
	decode(value, target.Elem(), "", &problems)
	return problems
}

// Pointer is the JSON pointer to a place, of keys and indices: Pointer("routes", 0) is /routes/0.
func Pointer(steps ...any) string {
	var path strings.Builder
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			path.WriteString(pointerStep(step))
		case int:
			path.WriteString("/" + strconv.Itoa(step))
		default:
			panic("spanmill: a pointer is of keys and indices")
		}
	}
	return path.String()
}

func pointerStep(key string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func decode(value any, into reflect.Value, path string, problems *Problems) {
	wrong := func(wanted string) {
		problems.Add(path, "must be "+wanted+", not "+kindOf(value))
	}
	switch into.Kind() {
	case reflect.Pointer:
		if value == nil {
			into.SetZero()
			return
		}
		target := reflect.New(into.Type().Elem())
		decode(value, target.Elem(), path, problems)
		into.Set(target)
	case reflect.Struct:
		object, ok := value.(*jsonObject)
		if !ok {
			wrong("a mapping")
			return
		}
		decodeStruct(object, into, path, problems)
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			wrong("a list")
			return
		}
		target := reflect.MakeSlice(into.Type(), len(list), len(list))
		for at, entry := range list {
			decode(entry, target.Index(at), path+"/"+strconv.Itoa(at), problems)
		}
		into.Set(target)
	case reflect.Map:
		object, ok := value.(*jsonObject)
		if !ok {
			wrong("a mapping")
			return
		}
		target := reflect.MakeMap(into.Type())
		for at, key := range object.keys {
			entry := reflect.New(into.Type().Elem()).Elem()
			decode(object.values[at], entry, path+pointerStep(key), problems)
			target.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), entry)
		}
		into.Set(target)
	case reflect.String:
		text, ok := value.(string)
		if !ok {
			wrong("a text")
			return
		}
		into.SetString(text)
	case reflect.Bool:
		truth, ok := value.(bool)
		if !ok {
			wrong("true or false")
			return
		}
		into.SetBool(truth)
	case reflect.Float32, reflect.Float64:
		number, ok := value.(jsonNumber)
		if !ok {
			wrong("a number")
			return
		}
		float, _ := strconv.ParseFloat(string(number), 64)
		if math.IsInf(float, 0) {
			problems.Add(path, "must be a finite number")
		}
		into.SetFloat(float)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number, ok := value.(jsonNumber)
		if !ok {
			wrong("a whole number")
			return
		}
		whole, err := strconv.ParseInt(string(number), 10, into.Type().Bits())
		if err != nil {
			problems.Add(path, "must be a whole number of at most "+strconv.Itoa(into.Type().Bits())+" bits")
		}
		into.SetInt(whole)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, ok := value.(jsonNumber)
		if !ok {
			wrong("a whole number")
			return
		}
		whole, err := strconv.ParseUint(string(number), 10, into.Type().Bits())
		if err != nil {
			problems.Add(path, "must be a whole number, not negative, of at most "+strconv.Itoa(into.Type().Bits())+" bits")
		}
		into.SetUint(whole)
	case reflect.Interface:
		if value := plain(value); value != nil {
			into.Set(reflect.ValueOf(value))
		}
	default:
		panic("spanmill: settings cannot be read into " + into.Kind().String())
	}
}

func decodeStruct(object *jsonObject, into reflect.Value, path string, problems *Problems) {
	var known []string
	for at := range into.NumField() {
		field := into.Type().Field(at)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		known = append(known, name)
		value, given := object.get(name)
		switch target := into.Field(at); {
		case given:
			decode(value, target, path+pointerStep(name), problems)
		case options == "omitempty" || field.Type.Kind() == reflect.Pointer || !target.IsZero():
		default:
			problems.Add(path, "missing key `"+name+"`")
		}
	}
	for at, key := range object.keys {
		if !contains(known, key) {
			problems.Add(path+pointerStep(key), unknown(key, known))
		} else if first := indexOf(object.keys, key); first != at {
			problems.Add(path+pointerStep(key), "the key stands there twice; take one out")
		}
	}
}

func unknown(key string, known []string) string {
	if meant, ok := Closest(key, known); ok {
		return "unknown key `" + key + "`; did you mean `" + meant + "`?"
	}
	if len(known) == 0 {
		return "unknown key `" + key + "`; there are no settings"
	}
	return "unknown key `" + key + "`; known are `" + strings.Join(known, "`, `") + "`"
}

func contains(list []string, text string) bool { return indexOf(list, text) >= 0 }

func indexOf(list []string, text string) int {
	for at, entry := range list {
		if entry == text {
			return at
		}
	}
	return -1
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case jsonNumber:
		return "a number"
	case []any:
		return "a list"
	}
	return "a mapping"
}

// plain is JSON as Go has it: map[string]any, []any, float64, string, bool, nil.
func plain(value any) any {
	switch value := value.(type) {
	case jsonNumber:
		float, _ := strconv.ParseFloat(string(value), 64)
		return float
	case []any:
		list := make([]any, len(value))
		for at, entry := range value {
			list[at] = plain(entry)
		}
		return list
	case *jsonObject:
		object := make(map[string]any, len(value.keys))
		for at, key := range value.keys {
			object[key] = plain(value.values[at])
		}
		return object
	}
	return value
}
