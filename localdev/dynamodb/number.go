package dynamodb

import (
	"math/big"
	"strings"
)

// Limits of the number type.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-data-types-number
const (
	maxDigits   = 38
	maxExponent = 126  // 0.d × 10^126 is below 10^126
	minExponent = -129 // 0.1 × 10^-129 is 10^-130
)

// number is an exact decimal in normal form: ±0.digits × 10^exponent, where
// digits neither begins nor ends with a zero. Zero has no digits, no sign and
// exponent 0, so two equal numbers are equal under ==.
type number struct {
	negative bool
	digits   string
	exponent int
}

// parseNumber reads the decimal forms that DynamoDB takes: an optional sign,
// digits with an optional point, and an optional exponent.
func parseNumber(text string) (number, error) {
	n, ok := scanNumber(text)
	if !ok {
		if text == "" {
			return number{}, invalid("The parameter cannot be converted to a numeric value")
		}
		return number{}, invalid("The parameter cannot be converted to a numeric value: %s", text)
	}
	return n, n.check()
}

func scanNumber(text string) (number, bool) {
	rest := text
	n := number{}
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		n.negative = rest[0] == '-'
		rest = rest[1:]
	}
	whole := leadingDigits(rest)
	rest = rest[len(whole):]
	fraction := ""
	if rest != "" && rest[0] == '.' {
		fraction = leadingDigits(rest[1:])
		rest = rest[1+len(fraction):]
	}
	if whole == "" && fraction == "" {
		return number{}, false
	}
	exponent := 0
	if rest != "" {
		var ok bool
		if exponent, ok = scanExponent(rest); !ok {
			return number{}, false
		}
	}
	n.digits = whole + fraction
	n.exponent = len(whole) + exponent
	return n.normal(), true
}

// scanExponent reads e, an optional sign and digits. An exponent too large to
// matter is cut off where it is already beyond every limit.
func scanExponent(text string) (int, bool) {
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	if text == "" || leadingDigits(text) != text {
		return 0, false
	}
	const beyond = 1 << 30
	value := 0
	for _, digit := range []byte(text) {
		if value = value*10 + int(digit-'0'); value > beyond {
			value = beyond
		}
	}
	return sign * value, true
}

func leadingDigits(text string) string {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[:i]
}

func (n number) normal() number {
	trimmed := strings.TrimLeft(n.digits, "0")
	n.exponent -= len(n.digits) - len(trimmed)
	n.digits = strings.TrimRight(trimmed, "0")
	if n.digits == "" {
		return number{}
	}
	return n
}

func (n number) check() error {
	switch {
	case n.digits == "":
		return nil
	case n.exponent > maxExponent:
		return invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case n.exponent < minExponent:
		return invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	case len(n.digits) > maxDigits:
		return invalid("Attempting to store more than 38 significant digits in a Number")
	}
	return nil
}

// String is the form in which DynamoDB answers: plain decimal, no exponent.
func (n number) String() string {
	if n.digits == "" {
		return "0"
	}
	var b strings.Builder
	if n.negative {
		b.WriteByte('-')
	}
	switch {
	case n.exponent <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -n.exponent))
		b.WriteString(n.digits)
	case n.exponent >= len(n.digits):
		b.WriteString(n.digits)
		b.WriteString(strings.Repeat("0", n.exponent-len(n.digits)))
	default:
		b.WriteString(n.digits[:n.exponent])
		b.WriteByte('.')
		b.WriteString(n.digits[n.exponent:])
	}
	return b.String()
}

// compare orders by value: negative, zero or positive as n is below, equal to
// or above m.
func (n number) compare(m number) int {
	if s, t := n.sign(), m.sign(); s != t || s == 0 {
		return s - t
	}
	order := n.exponent - m.exponent
	if order == 0 {
		order = strings.Compare(n.digits, m.digits)
	}
	if n.negative {
		return -order
	}
	return order
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

func (n number) negated() number {
	if n.digits != "" {
		n.negative = !n.negative
	}
	return n
}

// plus adds exactly. A sum that needs more than 38 digits or leaves the range
// is an error, never a rounded value.
func (n number) plus(m number) (number, error) {
	low := min(n.exponent-len(n.digits), m.exponent-len(m.digits))
	sum := new(big.Int).Add(n.scaled(low), m.scaled(low))
	result := number{negative: sum.Sign() < 0, digits: sum.Abs(sum).String()}
	result.exponent = len(result.digits) + low
	result = result.normal()
	return result, result.check()
}

// scaled is n × 10^-low as an integer; low is at most n's last digit's place.
func (n number) scaled(low int) *big.Int {
	value := new(big.Int)
	if n.digits == "" {
		return value
	}
	value.SetString(n.digits+strings.Repeat("0", n.exponent-len(n.digits)-low), 10)
	if n.negative {
		value.Neg(value)
	}
	return value
}

// size is documented as about 1 byte and 1 per two significant digits. To be
// exact, digits are paired from the decimal point on, so that 100 has one
// pair and 110 two, and a negative number has a byte more.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (n number) size() int {
	size := 1 + (len(n.digits)+n.exponent&1+1)/2
	if n.negative {
		size++
	}
	return size
}
