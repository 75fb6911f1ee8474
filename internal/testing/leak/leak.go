// Package leak finds secrets in what printing and logging a value shows.
package leak

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Marker is in every secret of a test. It is found in any spelling.
const Marker = "s3cr3t-marker"

// Secret returns a secret of n bytes, n ≥ 16, that contains Marker.
func Secret(name string, n int) []byte {
	s := Marker + "-" + name + strings.Repeat("-", n)
	return []byte(s[:n])
}

// An Instance is a live value of an exported type.
type Instance struct {
	Value any
	// Secrets are further secrets of it, which do not contain Marker.
	Secrets []string
	// Digests is whether it shows SHA-256 digests, from which no secret can be
	// made. Other lists of 16 bytes or more are a mistake: they may be a key.
	Digests bool
	// Exposed is why its secrets show where fmt calls no method: in an unexported
	// field of another struct, for %p and %w, which go vet refuses, and, unless it
	// has a method itself, behind a pointer in a field under a verb that pointers
	// do not have.
	Exposed string
}

// Check prints instances, by the name of their type. Each exported type of the
// package in dir needs one, except for interfaces and functions.
func Check(t *testing.T, dir string, instances map[string]Instance) {
	t.Helper()
	types := exportedTypes(t, dir)
	for _, name := range types {
		if _, ok := instances[name]; !ok {
			t.Errorf("%s: the exported type %s has no instance here: add one that holds every secret it can hold", dir, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(instances)) {
		if !slices.Contains(types, name) {
			t.Errorf("%s: there is no exported type %s", dir, name)
		}
		t.Run(name, func(t *testing.T) { check(t, instances[name]) })
	}
}

// exportedTypes returns the names of the exported types of a package that are
// neither interfaces nor functions.
func exportedTypes(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				switch spec.Type.(type) {
				case *ast.InterfaceType, *ast.FuncType:
				default:
					names = append(names, spec.Name.Name)
				}
			}
			_, inFunc := n.(*ast.FuncDecl)
			return !inFunc
		})
	}
	return names
}

func check(t *testing.T, i Instance) {
	if i.Value == nil {
		t.Fatal("the instance is nil")
	}
	for _, leak := range Find(i) {
		t.Error(leak)
	}
}

// Find returns where a secret of an instance is shown, and how.
func Find(i Instance) (leaks []string) {
	needles := append(spellings(Marker), i.Secrets...)
	for name, p := range nested(i) {
		for how, text := range printed(p.value, p.verbs) {
			n := slices.IndexFunc(needles, func(needle string) bool { return strings.Contains(text, needle) })
			m := bytesList.FindString(text)
			switch {
			case n >= 0:
				leaks = append(leaks, fmt.Sprintf("%s, %s: %q in %.400q", name, how, needles[n], text))
			case m != "" && !i.Digests:
				leaks = append(leaks, fmt.Sprintf("%s, %s: bytes %s in %.400q", name, how, m, text))
			}
		}
	}
	return leaks
}

// bytesList is 16 bytes or more as fmt prints them.
var bytesList = regexp.MustCompile(`\[(\d{1,3} ){15,}\d{1,3}\]|(0x[0-9a-f]{1,2}, ){15,}`)

// A place is a value that is or holds an instance, and the verbs that print it.
type place struct {
	value any
	verbs string
}

// nested are the places where a value may be when it is printed: by value and by
// pointer, alone and in other values.
func nested(i Instance) map[string]place {
	all := map[string]place{}
	add := func(name string, v any) {
		alone, inField := verbs, commonVerbs
		if i.Exposed != "" {
			alone = methodVerbs
			if _, ok := v.(fmt.Formatter); !ok && reflect.ValueOf(v).Kind() == reflect.Pointer {
				inField = pointerVerbs
			}
		}
		all[name] = place{v, alone}
		all[name+" in an error"] = place{failure{v}, commonVerbs}
		all[name+" in a field"] = place{struct{ F any }{v}, inField}
		all[name+" in a pointer's field"] = place{&struct{ F any }{v}, inField}
		all[name+" in a map"] = place{map[string]any{"k": v}, inField}
		all[name+" in a list"] = place{[]any{v, v}, inField}
		if i.Exposed == "" {
			all[name+" in an unexported field"] = place{struct{ f any }{v}, commonVerbs}
			all[name+" in a pointer's unexported field"] = place{&struct{ f any }{v}, commonVerbs}
			all[name+" in an unexported field of a field"] = place{struct{ F any }{struct{ f any }{v}}, commonVerbs}
			all[name+" in a wrapped error"] = place{fmt.Errorf("x: %w", failure{v}), commonVerbs}
		}
	}
	v := reflect.ValueOf(i.Value)
	add("itself", i.Value)
	if v.Kind() == reflect.Pointer {
		add("its value", v.Elem().Interface())
		return all
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	add("its pointer", p.Interface())
	return all
}

type failure struct{ v any }

func (f failure) Error() string { return fmt.Sprintf("%v %+v %#v", f.v, f.v, f.v) }

func (f failure) Format(s fmt.State, verb rune) {
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), f.v)
}

// Verbs of fmt: z stands for those that no type has.
const (
	verbs        = methodVerbs + "pw"
	methodVerbs  = "vsqxXdoObcUeEfgGtz" // with which fmt calls methods
	commonVerbs  = "vsqxXd"
	pointerVerbs = "vxXd"
)

// printed returns the ways in which v is printed, by these verbs, and logged.
func printed(v any, verbs string) map[string]string {
	texts := map[string]string{}
	for _, flags := range []string{"", "+", "#"} {
		for _, verb := range verbs {
			format := "%" + flags + string(verb)
			texts[format] = fmt.Sprintf(format, v)
		}
	}
	texts["Sprint"] = fmt.Sprint(v)
	texts["Errorf"] = fmt.Errorf("%v: %+v", v, v).Error()
	if b, err := json.Marshal(v); err == nil {
		texts["json.Marshal"] = string(b)
	} else {
		texts["json.Marshal"] = err.Error()
	}
	for name, handler := range map[string]func(*strings.Builder) slog.Handler{
		"slog's text": func(b *strings.Builder) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog's JSON": func(b *strings.Builder) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b strings.Builder
		l := slog.New(handler(&b))
		l.Info("m", "k", v)
		l.Info("m", slog.Any("k", v), slog.Group("g", "k", v))
		l.With("k", v).WithGroup("g").Info("m", "err", failure{v})
		texts[name] = b.String()
	}
	return texts
}

// spellings are the ways in which s may be written.
func spellings(s string) []string {
	b := []byte(s)
	list := []string{s, strings.ToUpper(s)}
	for _, format := range []string{"%d", "%x", "%X", "% x", "% X", "%#x", "%#v", "%o", "%b", "%U", "%c", "%q", "%#o"} {
		for _, v := range []any{b, [16]byte(append(b, "---"...)), s} {
			text := strings.Trim(fmt.Sprintf(format, v), "[]{}\"'byteuin168()")
			list = append(list, text[:len(text)*2/3])
		}
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 { // it may begin anywhere in an encoded text
			text := enc.EncodeToString(append(make([]byte, shift), b...))
			list = append(list, text[4:len(text)-4])
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return strings.HasPrefix(s, "%!") })
}
