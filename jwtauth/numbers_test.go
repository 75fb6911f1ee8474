package jwtauth_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A number in a map is verified as it was issued, or not issued.
func TestNumbersInAMap(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[map[string]any](jwtauth.HMAC("HS256", secret), nil))
	type record struct{ N int64 }
	for _, tt := range []struct {
		value any
		want  float64 // of the verified claim; NaN if it is not issued
	}{
		{0, 0}, {-1, -1}, {int64(1 << 53), 1 << 53}, {int64(-1 << 53), -1 << 53}, {int64(1<<53 - 1), 1<<53 - 1},
		{int64(1<<53 + 1), math.NaN()}, {int64(-1<<53 - 1), math.NaN()}, {int64(1<<53 + 2), 1<<53 + 2},
		{int64(math.MaxInt64), math.NaN()}, {int64(math.MinInt64), math.MinInt64},
		{uint64(math.MaxUint64), math.NaN()}, {uint64(1 << 63), 1 << 63}, {uint64(1<<63 + 1), math.NaN()},
		{int64(1_000_000_000_000_000_100), math.NaN()}, // the shortest text of another float64
		{int64(1_000_000_000_000_000_128), 1_000_000_000_000_000_128},
		{json.Number("9007199254740993"), math.NaN()}, {json.Number("9007199254740993.0"), math.NaN()},
		{json.Number("9007199254740993e0"), math.NaN()}, {json.Number("900719925474099.3e1"), math.NaN()},
		{json.Number("9007199254740992.0"), 1 << 53}, {json.Number("1234567890.12345678901234567890"), 1234567890.1234567},
		{0.1, 0.1}, {math.Pi, math.Pi}, {1.0 / 3, 1.0 / 3}, {1e22, 1e22}, {1e23, 1e23}, {-math.MaxFloat64, -math.MaxFloat64},
		{1.2345678901234567e25, 1.2345678901234567e25}, {math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
		{float64(1 << 60), math.NaN()}, // encoding/json writes 1152921504606847000, which other readers take for a whole number
		{new(big.Int).Add(big.NewInt(1<<53), big.NewInt(1)), math.NaN()}, {big.NewInt(1 << 53), 1 << 53},
		{record{1<<53 + 1}, math.NaN()}, {&record{1<<53 + 1}, math.NaN()},
	} {
		for name, claims := range map[string]map[string]any{
			"itself":      {"n": tt.value},
			"in a map":    {"m": map[string]any{"x": 1, "n": tt.value}},
			"in a list":   {"l": []any{"9007199254740993", tt.value}},
			"deep inside": {"m": map[string][]any{"l": {map[string]any{"n": []any{tt.value}}}}},
		} {
			tokens, err := i.Issue("1", claims)
			if math.IsNaN(tt.want) {
				if err == nil || !strings.Contains(err.Error(), "not exactly a float64") {
					t.Errorf("%v, %s: %v", tt.value, name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%v, %s: %v", tt.value, name, err)
				continue
			}
			verified := guard.Must(i.Verifier().Verify(t.Context(), tokens.AccessToken))
			if name == "itself" && verified.Claims["n"] != tt.want {
				t.Errorf("%v is verified as %v", tt.value, verified.Claims["n"])
			}
		}
	}
	// A text is not a number.
	if _, err := i.Issue("1", map[string]any{"id": "9007199254740993", "9007199254740993": true}); err != nil {
		t.Error(err)
	}
}

// Fields of whole numbers are exact. Those that are an any are as in a map.
func TestNumbersInAStruct(t *testing.T) {
	type inner struct {
		ID   int64       `json:"id"`
		Num  json.Number `json:"num,omitempty"`
		Any  any         `json:"any,omitempty"`
		List []*inner    `json:"list,omitempty"`
	}
	i := guard.Must(jwtauth.NewIssuer[inner](jwtauth.HMAC("HS256", secret), nil))
	const n = int64(1<<53 + 1)
	token := guard.Must(i.Issue("1", inner{ID: n, Num: "9007199254740993", List: []*inner{{ID: -n}}})).AccessToken
	if c := guard.Must(i.Verifier().Verify(t.Context(), token)).Claims; c.ID != n || c.Num != "9007199254740993" || c.List[0].ID != -n {
		t.Errorf("%+v", c)
	}
	for name, c := range map[string]inner{
		"a field":             {Any: n},
		"in a list of fields": {List: []*inner{nil, {ID: n, Any: map[string]any{"x": n}}}},
	} {
		if _, err := i.Issue("1", c); err == nil || !strings.Contains(err.Error(), "not exactly a float64") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
