package dynamodb

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decimals are texts of numbers in DynamoDB's range, in any notation.
func decimals() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		text := rapid.StringMatching(`[+-]?0{0,3}[0-9]{1,20}(\.[0-9]{0,15}0{0,3})?`).Draw(t, "mantissa")
		if rapid.Bool().Draw(t, "exponent") {
			text += rapid.StringMatching(`[eE][+-]?[0-9]{1,2}`).Draw(t, "e")
		}
		return text
	})
}

func rational(t *rapid.T, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return r
}

func mustParse(t *rapid.T, text string) number {
	n, err := parseNumber(text)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return n
}

func TestNumberKeepsValueInNormalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := decimals().Draw(t, "text")
		n := mustParse(t, text)
		normal := n.String()
		if rational(t, normal).Cmp(rational(t, text)) != 0 {
			t.Fatalf("%q became %q", text, normal)
		}
		if again := mustParse(t, normal); again != n {
			t.Fatalf("%q is parsed as %+v, then as %+v", text, n, again)
		}
		digits := strings.TrimPrefix(normal, "-")
		if normal == "-0" || len(digits) > 1 && digits[0] == '0' && digits[1] != '.' ||
			strings.Contains(digits, ".") && strings.HasSuffix(digits, "0") || strings.ContainsAny(digits, "eE+") {
			t.Fatalf("%q is not in normal form", normal)
		}
	})
}

func TestNumberOrderAndSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals().Draw(t, "a"), decimals().Draw(t, "b")
		n, m := mustParse(t, a), mustParse(t, b)
		x, y := rational(t, a), rational(t, b)
		if got, want := n.compare(m), x.Cmp(y); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Fatalf("compare %q with %q: %d, want %d", a, b, got, want)
		}
		sum, err := n.plus(m)
		want := new(big.Rat).Add(x, y)
		if err != nil {
			return // needs more than 38 digits; exactness is all that is promised
		}
		if rational(t, sum.String()).Cmp(want) != 0 {
			t.Fatalf("%q + %q = %s", a, b, sum)
		}
		if zero, err := n.plus(n.negated()); err != nil || zero != (number{}) {
			t.Fatalf("%q less itself is %+v, %v", a, zero, err)
		}
	})
}

func TestNumberRange(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 38)
	for text, ok := range map[string]bool{
		nines: true, nines + "9": false, nines + "000": true,
		"9." + nines[1:] + "e125": true, "1e126": false, "-1e126": false,
		"1e-130": true, "-1e-130": true, "1e-131": false,
		"1e99999999999999999999": false, "0e99999999999999999999": true,
		"": false, ".": false, "-": false, "1e": false, "e1": false, "1.2.3": false, "0x1": false, "NaN": false, " 1": false, //nolint:gocritic // a blank is the point

	} {
		if _, err := parseNumber(text); (err == nil) != ok {
			t.Errorf("parse %q: %v", text, err)
		}
	}
}
